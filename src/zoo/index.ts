export { type Architecture, architectures, type NetworkOptions } from './architectures/index.ts';
export { findRecipe, recipes } from './recipes/index.ts';
