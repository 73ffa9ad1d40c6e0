import fc from 'fast-check'

type Step = string | number

/** Every place in a JSON value, the whole first. */
function placesIn(value: unknown, place: readonly Step[] = []): (readonly Step[])[] {
  if (typeof value !== 'object' || value === null) return [place]
  const below = Array.isArray(value) ? value.map((one, i) => [i, one] as const) : Object.entries(value)
  return [place, ...below.flatMap(([step, one]) => placesIn(one, [...place, step]))]
}

function withPart(
  value: unknown,
  [step, ...rest]: readonly Step[],
  part: { readonly is: unknown } | undefined,
): unknown {
  if (step === undefined) return part?.is
  if (Array.isArray(value)) {
    const copy: unknown[] = [...value]
    const at = Number(step)
    if (rest.length === 0 && part === undefined) copy.splice(at, 1)
    else copy[at] = withPart(copy[at], rest, part)
    return copy
  }
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = { ...value }
  if (rest.length === 0 && part === undefined) delete copy[step]
  else copy[step] = withPart(copy[step], rest, part)
  return copy
}

const strange = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    '',
    '-',
    'NaN',
    -1,
    0,
    1e308,
    -1e308,
    true,
    false,
    [],
    {},
    [[]],
    [null],
    'é'.repeat(5_000),
  ),
  fc.jsonValue({ maxDepth: 2 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
)

/** Variants of a JSON value: up to three of its parts are missing or something else, or all of it is. */
export function mutated(recorded: unknown): fc.Arbitrary<unknown> {
  const places = placesIn(recorded)
  const change = fc.record({
    place: fc.constantFrom(...places),
    part: fc.option(
      strange.map((is) => ({ is })),
      { nil: undefined },
    ),
  })
  return fc
    .array(change, { minLength: 1, maxLength: 3 })
    .map((changes) => changes.reduce((value, { place, part }) => withPart(value, place, part), recorded))
}
