/** How late the main event loop of an instance is, between two moments. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { percentile, sleep, type Figure } from './row.ts'

/** The probe writes every half second, or as soon after that as the loop lets it. */
const writtenMs = 700
/** Upper ends of the steps of a histogram, in milliseconds; what lies above the last is its last step. */
const steps = [2, 5, 10, 20, 50, 100, 200, 500, 1_000]

export interface Delays {
  readonly p99Ms: number
  /** The longest standstill. */
  readonly maxMs: number
  /** In words: how many of the looks, which are made every 10 ms, were how late. */
  readonly histogram: string
}

/** Given to `TestInstance.start` by its `env`. One for each instance. */
export class LoopDelays {
  readonly #directory = mkdtempSync(join(tmpdir(), 'farwatch-loop-'))
  readonly #file = join(this.#directory, 'delays')

  get env(): Record<string, string> {
    const probe = new URL('loop-probe.ts', import.meta.url).href
    // Its own monitoring processes get no NODE_OPTIONS, and its threads are told apart by the probe.
    return {
      NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${probe}`.trim(),
      BENCH_LOOP_FILE: this.#file,
    }
  }

  /** Between two moments (epoch milliseconds), to half a second. Waits until what belongs to them is written. */
  async between(from: number, to: number): Promise<Delays> {
    await sleep(Math.max(0, to + writtenMs - Date.now()))
    // A loop that stands still at the end writes when it goes on.
    while (this.#lines().every(({ at }) => at < to)) await sleep(100)
    // A line holds what came before it: the first that may reach into the time is left out.
    const within = this.#lines().filter(({ at }, i, all) => at > from && (all[i - 1]?.at ?? -Infinity) < to)
    return delaysOf(within.flatMap(({ delays }) => delays))
  }

  #lines(): readonly { readonly at: number; readonly delays: readonly number[] }[] {
    return readFileSync(this.#file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const [at = 0, ...delays] = line.split(' ').map(Number)
        return { at, delays }
      })
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

function delaysOf(delays: readonly number[]): Delays {
  const counts = [...steps, Infinity].map((end, i) => ({
    name: end === Infinity ? `over ${steps.at(-1)}` : `to ${end}`,
    count: delays.filter((ms) => ms <= end && ms > (steps[i - 1] ?? -1)).length,
  }))
  return {
    p99Ms: percentile(delays, 0.99),
    maxMs: delays.reduce((most, ms) => Math.max(most, ms), 0),
    histogram: counts
      .filter(({ count }) => count > 0)
      .map(({ name, count }) => `${name}: ${count}`)
      .join(', '),
  }
}

/** As figures: the longest standstill with the histogram beside it. */
export function loopFigures(name: string, { p99Ms, maxMs, histogram }: Delays): readonly Figure[] {
  return [
    { name: `${name}: main event loop p99`, value: p99Ms, unit: 'ms' },
    { name: `${name}: … longest standstill`, value: maxMs, unit: 'ms', note: `looks by ms late: ${histogram}` },
  ]
}
