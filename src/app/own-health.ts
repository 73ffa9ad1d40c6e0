import type { Alarms } from '../alarms/index.ts'
import { messageOf, type Clock } from '../base/index.ts'
import type { Inventory } from '../inventory/index.ts'
import type { Keystore, Log } from '../platform/index.ts'
import type { History } from './history.ts'

const lookEveryMs = 30_000
const dayMs = 86_400_000

interface OwnHealthParts {
  readonly alarms: Alarms
  readonly inventory: Inventory
  readonly keystore: Keystore
  readonly history: History
  readonly clock: Clock
  readonly log: Log
  readonly disk: () => Promise<{ readonly freeBytes: number; readonly totalBytes: number }>
}

/**
 * Watches Farwatch itself and raises what somebody must do something about: a certificate that ends, metrics that were refused, a disk
 * that fills. Whether storage can be written it learns from the spool and
 * from every upload.
 */
export class OwnHealth {
  readonly #parts: OwnHealthParts
  #cancel: () => void = () => undefined
  #looking: Promise<void> = Promise.resolve()
  #stopped = false
  /** Why each of the two ways to the disk fails. */
  readonly #failures = new Map<'spool' | 'history', string>()
  readonly #refusing = new Set<string>()

  constructor(parts: OwnHealthParts) {
    this.#parts = parts
  }

  /** Why nothing can be stored at the moment; undefined where it can. */
  get unwritable(): string | undefined {
    return this.#failures.get('history') ?? this.#failures.get('spool')
  }

  /**
   * Told how storing results went, with the reason where it failed. On a full disk the spool often fails first, and then nothing
   * reaches the history that could fail there.
   */
  stored(where: 'spool' | 'history', failure: string | undefined): void {
    const before = this.unwritable
    if (failure === undefined) this.#failures.delete(where)
    else this.#failures.set(where, failure)
    const after = this.unwritable
    if ((before === undefined) === (after === undefined)) return
    const { log } = this.#parts
    if (after === undefined) log.info('storage became writable')
    else log.error('storage became unwritable', { reason: after })
    this.look()
  }

  /** Looks now and from then on every half minute. */
  look(): void {
    this.#cancel()
    if (this.#stopped) return
    this.#looking = this.#looking
      .then(() => this.#look())
      .catch((thrown: unknown) => this.#parts.log.warn('own state not judged', { problem: messageOf(thrown) }))
    this.#cancel = this.#parts.clock.after(lookEveryMs, () => this.look())
  }

  async #look(): Promise<void> {
    if (this.#stopped) return
    await this.#lookAtCertificate()
    await this.#lookAtStorage()
    await this.#lookAtRefusals()
  }

  async #lookAtCertificate(): Promise<void> {
    const { alarms, keystore, clock } = this.#parts
    for (const [key, use, certificate] of [
      ['certificate', 'own certificate', keystore.own()] as const,
      ...keystore
        .trusted()
        .map((one) => [`certificate ${one.fingerprint}`, `trusted certificate ${one.name}`, one] as const),
    ]) {
      const days = Math.floor((certificate.validTo - clock.now()) / dayMs)
      const when = days < 0 ? `expired ${-days} days ago` : `expires in ${days} days`
      if (days < 30)
        await alarms.raiseInternal({ key, severity: days < 7 ? 'CRITICAL' : 'WARNING', message: `The ${use} ${when}` })
      else await alarms.clearInternal(key)
    }
  }

  async #lookAtStorage(): Promise<void> {
    const { alarms, disk } = this.#parts
    const { freeBytes, totalBytes } = await disk()
    const share = totalBytes === 0 ? 1 : freeBytes / totalBytes
    const mib = Math.floor(freeBytes / 1024 ** 2)
    // A tenth of a large disk is plenty; a small absolute rest is not, whatever its share.
    if (share < 0.1 && mib < 5_000)
      await alarms.raiseInternal({
        key: 'disk space',
        severity: mib < 500 ? 'CRITICAL' : 'WARNING',
        message: `The disk of the data directory has ${mib} MiB left`,
      })
    else await alarms.clearInternal('disk space', 'there is space again')
    const { unwritable } = this
    if (unwritable !== undefined)
      await alarms.raiseInternal({
        key: 'storage',
        severity: 'CRITICAL',
        message: `Results cannot be stored: ${unwritable}. They wait on the agent`,
      })
    else await alarms.clearInternal('storage', 'results are stored again')
  }

  async #lookAtRefusals(): Promise<void> {
    const { alarms, history, inventory } = this.#parts
    const { refused } = await history.facts()
    // Hardly ever anything, and there may be a hundred thousand connectors.
    if (refused.length === 0 && this.#refusing.size === 0) return
    const connectors = new Map(
      inventory
        .systems()
        .flatMap((system) =>
          system.connectors.map(
            (connector) =>
              [
                connector.id,
                { group: system.group, name: `${system.group}/${system.name}/${connector.name}` },
              ] as const,
          ),
        ),
    )
    const now = new Set<string>()
    for (const { connector, samples, reason } of refused) {
      const owner = connectors.get(connector)
      if (owner === undefined) continue
      now.add(connector)
      await alarms.raiseInternal({
        key: `series ${connector}`,
        severity: 'WARNING',
        group: owner.group,
        message: `Values of the connector ${owner.name} are not kept (${samples} since the start): ${reason}`,
      })
    }
    for (const connector of this.#refusing)
      if (!now.has(connector)) await alarms.clearInternal(`series ${connector}`, 'all series are kept')
    this.#refusing.clear()
    for (const connector of now) this.#refusing.add(connector)
  }

  /** Resolves when the look under way has ended. May be called twice. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel()
    await this.#looking
  }
}
