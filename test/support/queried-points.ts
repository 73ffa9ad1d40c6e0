/** Points of a series as the history writes them for the API. @returns columns of one length; times in epoch milliseconds */
export function queriedPoints({ json }: { readonly json: Uint8Array }) {
  const points = JSON.parse(new TextDecoder().decode(json)) as readonly {
    readonly at: string
    readonly value: number
    readonly min?: number
    readonly max?: number
  }[]
  return {
    times: points.map(({ at }) => Date.parse(at)),
    values: points.map(({ value }) => value),
    minima: points.map(({ min }) => min),
    maxima: points.map(({ max }) => max),
  }
}
