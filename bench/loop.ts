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
  /** The most processor time that its thread used from one look to the next: what the longest standstill would be if nobody else used the machine. */
  readonly maxCpuMs: number
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
    return delaysOf(within.flatMap(({ looks }) => looks))
  }

  #lines(): readonly { readonly at: number; readonly looks: readonly Look[] }[] {
    return readFileSync(this.#file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const [at, ...looks] = line.split(' ')
        return {
          at: Number(at),
          looks: looks.map((look) => {
            const [lateMs = 0, cpuMs = 0] = look.split('/').map(Number)
            return { lateMs, cpuMs }
          }),
        }
      })
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

interface Look {
  readonly lateMs: number
  readonly cpuMs: number
}

function delaysOf(looks: readonly Look[]): Delays {
  const delays = looks.map(({ lateMs }) => lateMs)
  const most = (values: readonly number[]) => values.reduce((sofar, ms) => Math.max(sofar, ms), 0)
  const counts = [...steps, Infinity].map((end, i) => ({
    name: end === Infinity ? `over ${steps.at(-1)}` : `to ${end}`,
    count: delays.filter((ms) => ms <= end && ms > (steps[i - 1] ?? -1)).length,
  }))
  return {
    p99Ms: percentile(delays, 0.99),
    maxMs: most(delays),
    maxCpuMs: most(looks.map(({ cpuMs }) => cpuMs)),
    histogram: counts
      .filter(({ count }) => count > 0)
      .map(({ name, count }) => `${name}: ${count}`)
      .join(', '),
  }
}

/** As figures: the longest standstill with the histogram beside it. */
export function loopFigures(name: string, { p99Ms, maxMs, maxCpuMs, histogram }: Delays): readonly Figure[] {
  return [
    { name: `${name}: main event loop p99`, value: p99Ms, unit: 'ms' },
    { name: `${name}: … longest standstill`, value: maxMs, unit: 'ms', note: `looks by ms late: ${histogram}` },
    { name: `${name}: … most CPU of its thread from look to look`, value: maxCpuMs, unit: 'ms' },
  ]
}
