/** A run's own limits on pictures, null = the model's. */
export interface PixelLimits {
  readonly min_pixels?: number | null
  readonly max_pixels?: number | null
}

/**
 * A preprocessor_config.json with these limits, wherever it keeps them (`size` since transformers 4.50), so that a checkpoint sees pictures
 * as its run did; null when there is nothing to change.
 */
export const pixelLimited = (settings: object, { min_pixels, max_pixels }: PixelLimits): object | null => {
  const own = {
    ...(typeof min_pixels === 'number' ? { min_pixels } : {}),
    ...(typeof max_pixels === 'number' ? { max_pixels } : {}),
  }
  if (Object.keys(own).length === 0) return null
  const size: unknown = (settings as { readonly size?: unknown }).size
  if (typeof size !== 'object' || size === null) return { ...settings, ...own }
  const edges = {
    ...(typeof min_pixels === 'number' ? { shortest_edge: min_pixels } : {}),
    ...(typeof max_pixels === 'number' ? { longest_edge: max_pixels } : {}),
  }
  const named = 'min_pixels' in size || 'max_pixels' in size
  return { ...settings, ...own, size: { ...size, ...(named ? own : edges) } }
}
