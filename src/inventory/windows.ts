import type { MaintenanceDocument } from '../contract/index.ts'
import { MaintenanceClock, type MaintenanceTimes } from '../model/index.ts'
import { sorted, type Configuration, type MaintenanceForUse } from './configuration.ts'
import { concerns, type MaintainedPlace } from './maintenance.ts'
import type { ConnectorEntry, SystemEntry, TaskEntry, View } from './tasks.ts'

/** A maintenance window, ready for use. */
export interface MaintenanceEntry extends MaintenanceForUse {
  readonly name: string
  readonly by: string
  /** As it is written. */
  readonly document: MaintenanceDocument
  /** Whether it concerns a connector. */
  readonly concerns: (place: MaintainedPlace) => boolean
}

/** The windows of one revision, by what they concern. Looked for when first asked, and kept as long as that revision is in force. */
export class Windows {
  readonly all: readonly MaintenanceEntry[]
  readonly #view: View
  /** By connector, of any system that was asked for. */
  readonly #pauses = new Map<string, readonly MaintenanceTimes[]>()
  readonly #clocks = new Map<string, MaintenanceClock>()

  constructor(maintenances: Configuration['maintenances'], view: View) {
    this.all = sorted(maintenances).flatMap(([name, { written, made }]) =>
      made === undefined
        ? []
        : [
            {
              ...made,
              name,
              by: written.by ?? '',
              document: { name, ...written },
              concerns: (place: MaintainedPlace) => concerns(made, place),
            },
          ],
    )
    this.#view = view
  }

  /** The windows in which a connector's slots are not run. */
  pausesOf(system: SystemEntry, connector: ConnectorEntry): readonly MaintenanceTimes[] {
    if (this.all.length === 0) return []
    let found = this.#pauses.get(connector.id)
    if (found === undefined) {
      const place = { group: system.group, system: system.name, connector: connector.name, tags: system.tags }
      found = this.all.flatMap((one) => (one.isSkipped && one.concerns(place) ? [one.times] : []))
      this.#pauses.set(connector.id, found)
    }
    return found
  }

  /** Whether any window is on for a task at a moment, run or not. */
  isOn(task: string, at: number): boolean {
    if (this.all.length === 0) return false
    const entry = this.#view.tasks.get(task)
    if (entry === undefined) return false
    let clock = this.#clocks.get(entry.connectorId)
    if (clock === undefined) {
      clock = new MaintenanceClock(this.all.flatMap((one) => (one.concerns(placeOf(entry)) ? [one.times] : [])))
      this.#clocks.set(entry.connectorId, clock)
    }
    return clock.isOn(at)
  }
}

function placeOf({ group, system, connector, tags }: TaskEntry) {
  return { group, system, connector, tags }
}
