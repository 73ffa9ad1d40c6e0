import type { DashboardAnswer, DashboardVariable } from '../../../src/contract/index.ts'
import type { Chosen } from './selection.ts'
import { fillIn } from './selection.ts'

export type Panel = DashboardAnswer['panels'][number]
/** A dashboard without its name, which stands in the address. */
export type Draft = Omit<DashboardAnswer, 'name'>

/** The height of a row of panels, in pixels, and the gap between two. */
export const panelRow = { height: 100, gap: 12 }

/** What a chart may take of a panel of so many rows, below its title and above its legend. */
export function chartHeight(rows: number): number {
  return rows * panelRow.height + (rows - 1) * panelRow.gap - 84
}

/** The selections of a panel with what was chosen filled in; a variable that the dashboard does not have stands for everything. */
export function filledIn(panel: Panel, variables: readonly DashboardVariable[], chosen: Chosen): string[] {
  const used = {
    group: variables.includes('group') ? chosen.group : '',
    system: variables.includes('system') ? chosen.system : '',
  }
  return panel.series.map((text) => fillIn(text, used))
}

/** A panel changed, taken out, or moved by one place. */
export function withPanel(draft: Draft, at: number, change: Partial<Panel>): Draft {
  return { ...draft, panels: draft.panels.map((panel, i) => (i === at ? { ...panel, ...change } : panel)) }
}

export function withoutPanel(draft: Draft, at: number): Draft {
  return { ...draft, panels: draft.panels.filter((_, i) => i !== at) }
}

export function movedPanel(draft: Draft, at: number, by: -1 | 1): Draft {
  const to = at + by
  const moving = draft.panels[at]
  const other = draft.panels[to]
  if (moving === undefined || other === undefined) return draft
  return { ...draft, panels: draft.panels.with(at, other).with(to, moving) }
}

export const newPanel: Panel = { title: '', kind: 'chart', series: [], width: 6, height: 2 }

/** Selections as they are typed, one a line. */
export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
