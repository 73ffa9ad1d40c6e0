import { formatDuration } from '../../../src/base/duration.ts'
import { formatSize } from '../../../src/base/size.ts'
import type { Setting } from '../../../src/contract/index.ts'

/** The parts of the form, in their order: for whom a setting holds; what is kept stands together wherever it holds. */
export const settingSections = ['travels', 'server', 'local', 'retention', 'start'] as const
export type SettingSection = (typeof settingSections)[number]

export function sectionOf(setting: Pick<Setting, 'scope' | 'change' | 'retention'>): SettingSection {
  if (setting.change === 'start') return 'start'
  return setting.retention === true ? 'retention' : setting.scope
}

type Written = Pick<Setting, 'kind' | 'unit'>

/** How a setting's value is written into a field of a form: `2m` and `256MiB` rather than 120000 and 268435456. */
export function writeSetting(setting: Written, value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.join('\n')
  if (typeof value === 'number' && setting.unit === 'ms') return value === 0 ? '0' : formatDuration(value)
  if (typeof value === 'number' && setting.unit === 'B') return formatSize(value)
  return String(value)
}

/** What is sent for what was typed; what it means, and whether it may be, is the server's to say. */
export function readSetting(setting: Written, typed: string): unknown {
  const text = typed.trim()
  switch (setting.kind) {
    case 'flag':
      return text === 'true'
    case 'urls':
      return text
        .split(/[\n,]/)
        .map((part) => part.trim())
        .filter((part) => part !== '')
    case 'text':
      return typed
    case 'number':
    case 'choice':
    case 'proxy':
    case 'result-retention':
      return text
  }
}

/** A unit as it stands behind a field; a duration or a size bears its own. */
export function shownUnit({ unit }: Pick<Setting, 'unit'>): string {
  return unit === undefined || unit === 'ms' || unit === 'B' ? '' : unit
}
