import fc from 'fast-check'
import type { ConnectorClients, ConnectorType } from './clients/index.ts'
import { TargetError } from './failure.ts'
import type { AnyMonitor, Gathered } from './monitor.ts'
import { collectOnce, expectSound } from './run-testing.ts'

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

/** Runs a monitor on whatever the arbitrary makes of its target: it must measure soundly or say why it cannot, never anything else. */
export async function expectClearOutcomes<T>(
  monitor: AnyMonitor,
  targets: fc.Arbitrary<T>,
  clientFor: (target: T) => ConnectorClients[ConnectorType],
  about: { settings?: Readonly<Record<string, unknown>>; previous?: unknown; runs?: number } = {},
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(targets, async (target) => {
      let gathered: Gathered<string>
      try {
        gathered = await collectOnce(monitor, about.settings ?? {}, {
          client: clientFor(target),
          previous: about.previous,
        })
      } catch (thrown) {
        if (thrown instanceof TargetError) return
        throw thrown
      }
      expectSound(monitor, gathered)
    }),
    { numRuns: about.runs ?? 200 },
  )
}
