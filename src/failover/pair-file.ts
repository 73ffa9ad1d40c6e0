import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { FarwatchError, systemCodeOf } from '../base/index.ts'
import type { Disk } from '../platform/index.ts'
import { neverPaired, type DurablePair } from './decide.ts'
import type { Position } from './position.ts'
import { defaultPairSettings, pairModes, pairRoles, type PairSettings } from './setting.ts'

/** Grows by one when an older program could no longer make sense of the file. */
const format = 1

/** What an instance knows for good of the pair it is in. */
export interface KeptPair {
  readonly settings: PairSettings
  readonly durable: DurablePair
  readonly peer: KeptPeer | undefined
}

/** The other side, as it was last known. */
export interface KeptPeer {
  readonly uuid: string
  /** Of the key with which it signs, as it was first seen; undefined on the SECONDARY, which knows the other by its certificate. */
  readonly fingerprint: string | undefined
  readonly term: number
  /** How much of this instance's own data it is known to hold: less than that here is data that was rolled back. */
  readonly position: Position
}

export const emptyPair: KeptPair = { settings: defaultPairSettings, durable: neverPaired, peer: undefined }

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const position = Type.Object({ term: count, count })
const schema = Type.Object({
  format: Type.Literal(format),
  /** Whose file it is: one that was copied along with a data directory is told from one's own. */
  instance: Type.String(),
  settings: Type.Object({
    role: Type.Enum([...pairRoles]),
    mode: Type.Enum([...pairModes]),
    peerUrl: Type.String(),
    peerUuid: Type.String(),
    timeoutMs: Type.Number(),
    pollMs: Type.Number(),
  }),
  durable: Type.Object({ term: count, ownTerm: count, acts: Type.Boolean(), joins: Type.Boolean() }),
  peer: Type.Optional(
    Type.Object({
      uuid: Type.String(),
      fingerprint: Type.Optional(Type.String()),
      term: count,
      position,
    }),
  ),
})
const form = Compile(schema)
const header = Compile(Type.Object({ format: Type.Integer() }))

/**
 * The pair in one small file of the data directory, apart from the databases: it must be readable and writable where those are not, since
 * that is when it is needed. Written whole or not at all, one write after another, and durable when the write resolves.
 */
export class PairFile {
  readonly #disk: Disk
  readonly #path: string
  readonly #instance: string
  #kept: KeptPair
  #writing: Promise<void> = Promise.resolve()

  private constructor(disk: Disk, path: string, instance: string, kept: KeptPair) {
    this.#disk = disk
    this.#path = path
    this.#instance = instance
    this.#kept = kept
  }

  /** @throws FarwatchError `storage-corrupt`, `data-directory-newer`: who does not know its term must not guess one */
  static async open(options: {
    readonly disk: Disk
    readonly path: string
    readonly instance: string
  }): Promise<PairFile> {
    const { disk, path, instance } = options
    return new PairFile(disk, path, instance, (await read(disk, path, instance)) ?? emptyPair)
  }

  /** What was last asked to be kept; on the disk once that write has resolved. */
  get kept(): KeptPair {
    return this.#kept
  }

  /** @throws FarwatchError `storage-unwritable`; what is asked for is then kept in memory, and written along with what comes next */
  write(change: Partial<KeptPair>): Promise<void> {
    this.#kept = { ...this.#kept, ...change }
    const next = this.#kept
    const { settings, durable, peer } = next
    const stored: Static<typeof schema> = {
      format,
      instance: this.#instance,
      settings,
      durable,
      ...(peer === undefined
        ? {}
        : {
            peer: {
              uuid: peer.uuid,
              term: peer.term,
              position: peer.position,
              ...(peer.fingerprint === undefined ? {} : { fingerprint: peer.fingerprint }),
            },
          }),
    }
    const written = this.#writing.then(() =>
      this.#disk.writeAtomically(this.#path, `${JSON.stringify(stored, null, 2)}\n`),
    )
    // The next write does not depend on how this one ended; whoever asked for this one is told.
    this.#writing = written.catch(() => undefined)
    return written
  }

  /** What stands on the disk now; undefined where there is nothing. For those who look whether the directory is still the one it was. */
  stored(): Promise<KeptPair | undefined> {
    return read(this.#disk, this.#path, this.#instance)
  }
}

async function read(disk: Disk, path: string, instance: string): Promise<KeptPair | undefined> {
  let text: string
  try {
    text = (await disk.read(path)).toString('utf8')
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return undefined
    throw thrown
  }
  const value = parsed(text)
  if (header.Check(value) && value.format > format)
    throw new FarwatchError(
      'data-directory-newer',
      `${path} was written by a newer Farwatch (format ${value.format}, this program knows ${format})`,
      {
        hint: 'Start the newer Farwatch again.',
      },
    )
  if (!form.Check(value))
    throw new FarwatchError('storage-corrupt', `${path} does not say how this server stands in its pair`, {
      hint: 'Look at the other server: where it is active, remove the file, set up this side of the pair anew, and let it copy everything. Do not guess the term.',
    })
  if (value.instance !== instance)
    throw new FarwatchError('storage-corrupt', `${path} is that of another instance (${value.instance})`, {
      hint: 'A data directory was put together from two. Restore it whole, or remove the file and set up the pair anew.',
    })
  const { settings, durable, peer } = value
  return {
    settings,
    durable,
    peer:
      peer === undefined
        ? undefined
        : { uuid: peer.uuid, fingerprint: peer.fingerprint, term: peer.term, position: peer.position },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
