import type { Maintenance } from './configuration.ts'
import type { ObjectKey } from './difference.ts'
import type { Put } from './with-objects.ts'

/**
 * What becomes of maintenance windows that name a group, a system or a connector which gets another name or place, or goes: they follow it, or
 * go with it. Pure.
 */
export function followingWindows(
  maintenances: ReadonlyMap<string, Maintenance>,
  kind: 'group' | 'system' | 'connector',
  from: ObjectKey,
  to: ObjectKey | undefined,
): Put[] {
  return [...maintenances].flatMap(([name, window]): Put[] => {
    if (!isNamed(window.written, kind, from)) return []
    const key = { parent: '', place: '', name }
    if (to === undefined) return [{ key, kind: 'maintenance', object: undefined }]
    const names = namesOf(kind, to)
    const value: Maintenance = {
      name,
      written: { ...window.written, ...names },
      made: window.made === undefined ? undefined : { ...window.made, ...names },
    }
    return [{ key, kind: 'maintenance', object: { kind: 'maintenance', value } }]
  })
}

function namesOf(kind: 'group' | 'system' | 'connector', { parent, place, name }: ObjectKey) {
  switch (kind) {
    case 'group':
      return { group: name }
    case 'system':
      return { group: parent, system: name }
    case 'connector':
      return { group: parent, system: place, connector: name }
  }
}

function isNamed(written: Maintenance['written'], kind: 'group' | 'system' | 'connector', key: ObjectKey): boolean {
  return Object.entries(namesOf(kind, key)).every(
    ([field, name]) => written[field === 'group' || field === 'system' ? field : 'connector'] === name,
  )
}
