import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { FarwatchError, messageOf, systemCodeOf } from '../base/index.ts'
import type { Disk, Log } from '../platform/index.ts'
import { runDrill, type DrillParts, type DrillReport } from './drill.ts'

/** Grows by one when an older program could no longer make sense of the file. */
const format = 1
const mostKept = 50

const count = Type.Integer({ minimum: 0 })
const switched = Type.Optional(Type.Object({ ms: Type.Number(), idleMs: Type.Number() }))
const schema = Type.Object({
  format: Type.Literal(format),
  drills: Type.Array(
    Type.Object({
      startedAt: Type.Number(),
      endedAt: Type.Number(),
      by: Type.String(),
      there: switched,
      back: switched,
      resultsLost: count,
      duplicates: count,
      runsMissed: count,
      notificationsRepeated: count,
      problems: Type.Array(Type.String()),
    }),
  ),
})
type Stored = Static<typeof schema>
const form = Compile(schema)

export interface DrillsOptions extends DrillParts {
  readonly disk: Disk
  readonly path: string
  readonly log: Log
}

/** The drills that were begun on this side: one at a time, and the newest of them kept. */
export class Drills {
  readonly #options: DrillsOptions
  #kept: readonly DrillReport[]
  #isRunning = false

  private constructor(options: DrillsOptions, kept: readonly DrillReport[]) {
    this.#options = options
    this.#kept = kept
  }

  static async open(options: DrillsOptions): Promise<Drills> {
    return new Drills(options, await read(options))
  }

  /** Newest first. */
  list(): readonly DrillReport[] {
    return this.#kept
  }

  /** @throws FarwatchError as `runDrill`, and `storage-unwritable` where it ran and its report could not be kept */
  async run(by: string): Promise<DrillReport> {
    if (this.#isRunning)
      throw new FarwatchError('conflict', 'no drill: another one is under way', { hint: 'Wait until it has ended.' })
    this.#isRunning = true
    try {
      const report = await runDrill(this.#options, by)
      this.#options.log.info('drill ended', { ...report })
      this.#kept = [report, ...this.#kept].slice(0, mostKept)
      const stored = {
        format,
        drills: this.#kept.map(({ problems, ...rest }) => ({ ...rest, problems: [...problems] })),
      }
      await this.#options.disk.writeAtomically(this.#options.path, `${JSON.stringify(stored, null, 2)}\n`)
      return report
    } finally {
      this.#isRunning = false
    }
  }
}

/** What cannot be read is begun anew: it is a record of exercises, and no reason for a server not to start. */
async function read({ disk, path, log }: DrillsOptions): Promise<readonly DrillReport[]> {
  try {
    const value: unknown = JSON.parse((await disk.read(path)).toString('utf8'))
    if (form.Check(value)) return value.drills.map(reportOf)
    log.warn('drills not read', { path, problem: 'they are not of the form that this program knows' })
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'ENOENT') log.warn('drills not read', { path, problem: messageOf(thrown) })
  }
  return []
}

function reportOf({ there, back, ...rest }: Stored['drills'][number]): DrillReport {
  return { ...rest, there, back }
}
