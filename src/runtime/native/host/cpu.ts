/** eax, ebx, ecx, edx as unsigned 32-bit numbers. */
export type Registers = readonly [eax: number, ebx: number, ecx: number, edx: number];

/** The two instructions that describe the processor; generated stubs provide them, tests recorded tables. */
export type CpuQueries = {
  cpuid(leaf: number, subleaf: number): Registers;
  /** XCR0: the register state that the operating system saves. Only valid where cpuid says OSXSAVE. */
  xcr0(): number;
};

type FeatureBit = {
  readonly leaf: number;
  readonly subleaf: number;
  readonly register: 0 | 1 | 2 | 3;
  readonly bit: number;
  /** The register state that the operating system must save for the instructions to be usable. */
  readonly state: 'sse' | 'avx' | 'avx512';
};

const bitOf =
  (leaf: number, subleaf: number, register: FeatureBit['register']) =>
  (bit: number, state: FeatureBit['state']): FeatureBit => ({ leaf, subleaf, register, bit, state });
const leaf1ecx = bitOf(1, 0, 2);
const leaf7ebx = bitOf(7, 0, 1);
const leaf7ecx = bitOf(7, 0, 2);
const leaf7sub1eax = bitOf(7, 1, 0);

/** Intel SDM volume 2A, CPUID; AMD's APM volume 3, appendix E agrees on all of them. */
const featureBits = {
  sse41: leaf1ecx(19, 'sse'),
  avx: leaf1ecx(28, 'avx'),
  fma: leaf1ecx(12, 'avx'),
  f16c: leaf1ecx(29, 'avx'),
  avx2: leaf7ebx(5, 'avx'),
  avx_vnni: leaf7sub1eax(4, 'avx'),
  avx512f: leaf7ebx(16, 'avx512'),
  avx512dq: leaf7ebx(17, 'avx512'),
  avx512bw: leaf7ebx(30, 'avx512'),
  avx512vl: leaf7ebx(31, 'avx512'),
  avx512vbmi: leaf7ecx(1, 'avx512'),
  avx512vbmi2: leaf7ecx(6, 'avx512'),
  avx512vnni: leaf7ecx(11, 'avx512'),
} as const satisfies Record<string, FeatureBit>;

export type CpuFeature = keyof typeof featureBits;

export type Cache = {
  readonly level: number;
  readonly kind: 'data' | 'instruction' | 'unified';
  readonly bytes: number;
  readonly lineBytes: number;
  readonly ways: number;
  /** How many logical processors share it, at most. */
  readonly sharedBy: number;
};

export type Cpu = {
  readonly vendor: string;
  readonly brand: string;
  /** What is usable: the processor has it and the operating system saves its registers. */
  readonly features: ReadonlySet<CpuFeature>;
  readonly caches: readonly Cache[];
};

const OSXSAVE = 27;
const STATE_BITS = { sse: 0x2, avx: 0x6, avx512: 0xe6 } as const;
const TOPOLOGY_EXTENSIONS = 22;
const EXTENDED = 0x8000_0000;
const BRAND = 0x8000_0002;
const AMD_CACHES = 0x8000_001d;
const INTEL_CACHES = 4;

const bit = (value: number, index: number): boolean => ((value >>> index) & 1) === 1;

const text = (...words: readonly number[]): string => {
  const bytes = new Uint8Array(new Uint32Array(words).buffer);
  return new TextDecoder().decode(bytes).replaceAll('\0', '').trim();
};

function readFeatures(queries: CpuQueries, maxLeaf: number, lazyAvx512: boolean): Set<CpuFeature> {
  const features = new Set<CpuFeature>();
  // Without XSAVE the system saves the SSE registers only.
  const saved = bit(queries.cpuid(1, 0)[2], OSXSAVE) ? queries.xcr0() : STATE_BITS.sse;
  const states = lazyAvx512 ? saved | STATE_BITS.avx512 : saved;
  const maxSubleaf7 = maxLeaf >= 7 ? queries.cpuid(7, 0)[0] : -1;
  for (const [name, { leaf, subleaf, register, bit: index, state }] of Object.entries(featureBits)) {
    const answered = leaf <= maxLeaf && (leaf !== 7 || subleaf <= maxSubleaf7);
    const enabled = (states & STATE_BITS[state]) === STATE_BITS[state];
    if (answered && enabled && bit(queries.cpuid(leaf, subleaf)[register], index)) features.add(name as CpuFeature);
  }
  return features;
}

const CACHE_KINDS = [undefined, 'data', 'instruction', 'unified'] as const;
const MAX_CACHES = 16;

/** Leaf 4 (Intel) and leaf 8000001Dh (AMD) have one format. */
function readCaches(queries: CpuQueries, maxLeaf: number, maxExtended: number): Cache[] {
  const amd = maxExtended >= AMD_CACHES && bit(queries.cpuid(EXTENDED + 1, 0)[2], TOPOLOGY_EXTENSIONS);
  if (!amd && maxLeaf < INTEL_CACHES) return [];
  const caches: Cache[] = [];
  for (let index = 0; index < MAX_CACHES; index++) {
    const [eax, ebx, ecx] = queries.cpuid(amd ? AMD_CACHES : INTEL_CACHES, index);
    const kind = CACHE_KINDS[eax & 31];
    if (kind === undefined) break;
    const ways = (ebx >>> 22) + 1;
    const partitions = ((ebx >>> 12) & 0x3ff) + 1;
    const lineBytes = (ebx & 0xfff) + 1;
    const bytes = ways * partitions * lineBytes * (ecx + 1);
    caches.push({ level: (eax >>> 5) & 7, kind, bytes, lineBytes, ways, sharedBy: ((eax >>> 14) & 0xfff) + 1 });
  }
  return caches;
}

/** What the processor is and what of it can be used. `lazyAvx512`: see `VirtualMemory.enablesAvx512Lazily`. */
export function describeCpu(queries: CpuQueries, lazyAvx512 = false): Cpu {
  const [maxLeaf, b, c, d] = queries.cpuid(0, 0);
  const maxExtended = queries.cpuid(EXTENDED, 0)[0];
  const named = maxExtended >= BRAND + 2;
  const brand = named ? text(...[0, 1, 2].flatMap((i) => [...queries.cpuid(BRAND + i, 0)])) : '';
  return {
    vendor: text(b, d, c),
    brand: brand === '' ? 'unknown processor' : brand,
    features: readFeatures(queries, maxLeaf, lazyAvx512),
    caches: readCaches(queries, maxLeaf, maxExtended),
  };
}
