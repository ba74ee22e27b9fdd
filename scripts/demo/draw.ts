import sharp from 'sharp';
import type { Mark } from './models.ts';

const height = 420;

export type Panel = { readonly title: string; readonly photograph: Buffer; readonly marks: readonly Mark[] };

/** Draws rows of panels, each a photograph with what was found on it, into one PNG. */
export async function drawPanels(rows: readonly (readonly Panel[])[], path: string): Promise<void> {
  const drawn = await Promise.all(rows.map((row) => Promise.all(row.map(drawPanel))));
  const gap = 8;
  const widths = drawn.map((row) => row.reduce((sum, { width }) => sum + width + gap, -gap));
  const composites = drawn.flatMap((row, r) => {
    let left = 0;
    return row.map(({ picture, width }) => {
      const at = { input: picture, left, top: r * (height + gap) };
      left += width + gap;
      return at;
    });
  });
  await sharp({
    create: {
      width: Math.max(...widths),
      height: drawn.length * (height + gap) - gap,
      channels: 3,
      background: '#fff',
    },
  })
    .composite(composites)
    .png({ palette: true, quality: 90 })
    .toFile(path);
}

async function drawPanel({ title, photograph, marks }: Panel): Promise<{ picture: Buffer; width: number }> {
  const { data, info } = await sharp(photograph)
    .resize({ height })
    .removeAlpha()
    .png()
    .toBuffer({ resolveWithObject: true });
  const shapes = marks.map((mark) => svgOf(mark, info.width)).join('');
  const caption = `<rect width="100%" height="26" fill="#000" opacity=".62"/><text x="9" y="18" font-size="14" font-family="sans-serif" fill="#fff">${title}</text>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${info.width}" height="${height}">${shapes}${caption}</svg>`;
  return {
    picture: await sharp(data)
      .composite([{ input: Buffer.from(svg) }])
      .png()
      .toBuffer(),
    width: info.width,
  };
}

function svgOf(mark: Mark, width: number): string {
  if (mark.kind === 'line') {
    const [x1, y1, x2, y2] = [mark.from[0] * width, mark.from[1] * height, mark.to[0] * width, mark.to[1] * height].map(
      (v) => v.toFixed(1),
    );
    return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#19e6c4" stroke-width="4" stroke-linecap="round"/>`;
  }
  const [x, y] = [Math.max(1, mark.left * width), Math.max(28, mark.top * height)];
  const [w, h] = [Math.min(width - 1, mark.right * width) - x, Math.min(height - 1, mark.bottom * height) - y];
  const text = `${mark.label} ${mark.score.toFixed(2)}`;
  return `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="none" stroke="hsl(${mark.hue} 90% 55%)" stroke-width="3"/><rect x="${x}" y="${y}" width="${text.length * 7.4 + 8}" height="19" fill="hsl(${mark.hue} 90% 55%)"/><text x="${x + 4}" y="${y + 14}" font-size="13" font-family="sans-serif" fill="#000">${text}</text>`;
}
