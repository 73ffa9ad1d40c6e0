import type { Severity } from '../../../src/model/index.ts'
import { severitiesDown } from './overview.ts'

type Counts = Readonly<Record<Severity, readonly number[]>>

/** A layer of a stack, as heights from its own foot: `foot[i]` to `top[i]` at each moment. */
export interface Layer {
  readonly severity: Severity
  readonly foot: readonly number[]
  readonly top: readonly number[]
}

/** Counts by severity, stacked, the worst at the foot where it is seen first; severities that never occur are left out. */
export function stacked(open: Counts): { readonly layers: readonly Layer[]; readonly highest: number } {
  const length = open.CRITICAL.length
  let below: readonly number[] = Array.from({ length }, () => 0)
  const layers: Layer[] = []
  for (const severity of severitiesDown) {
    const counts = open[severity]
    if (counts.every((n) => n === 0)) continue
    const foot = below
    const top = counts.map((n, i) => n + foot[i]!)
    layers.push({ severity, foot, top })
    below = top
  }
  return { layers, highest: Math.max(0, ...below) }
}

/** The outline of a layer as a path in a box of so many units, each part of the time as wide as the next. */
export function outline({ foot, top }: Layer, highest: number, width: number, height: number): string {
  const parts = top.length
  const x = (i: number): number => round((i / parts) * width)
  const y = (n: number): number => round(height - (n / highest) * height)
  let path = `M0 ${y(foot[0]!)}`
  for (let i = 0; i < parts; i++) path += `V${y(top[i]!)}H${x(i + 1)}`
  for (let i = parts - 1; i >= 0; i--) path += `V${y(foot[i]!)}H${x(i)}`
  return `${path}Z`
}

function round(n: number): number {
  return Math.round(n * 100) / 100
}
