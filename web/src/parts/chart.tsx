import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useLayoutEffect, useRef, type ReactNode } from 'react'
import uPlot from 'uplot'
import type { Severity } from '../../../src/model/index.ts'
import { formatMoment, formatTicks } from '../format/times.ts'
import { byteSteps, formatValue } from '../format/values.ts'

export interface ChartLine {
  readonly label: string
  readonly value: readonly (number | null)[]
  readonly min: readonly (number | null)[]
  readonly max: readonly (number | null)[]
}

export interface ChartThreshold {
  readonly severity: Severity
  readonly at: number
}

export interface ChartProps {
  readonly title: string
  readonly unit: string
  /** Epoch milliseconds of each column; null in a line is a gap. */
  readonly at: readonly number[]
  readonly lines: readonly ChartLine[]
  readonly thresholds: readonly ChartThreshold[]
  /** What the axis spans, in epoch milliseconds, whether there are values or not: a gap at the end is news. */
  readonly from: number
  readonly to: number
  /** Called with the part that was dragged across. */
  readonly onZoom: (from: number, to: number) => void
}

// Told apart by people with the common colour deficiencies, and with at least 3:1 against the ground of their scheme.
const lineColours = {
  light: ['#0f6e8c', '#c2410c', '#4d7c0f', '#7e22ce', '#b45309', '#be185d', '#0f766e', '#4338ca'],
  dark: ['#5bb8d4', '#fb923c', '#a3e635', '#c084fc', '#fbbf24', '#f472b6', '#2dd4bf', '#93a5fd'],
} as const
const thresholdColours = {
  light: { CRITICAL: '#c92a2a', MAJOR: '#d9480f', MINOR: '#b76e00', WARNING: '#8f7300', INFO: '#1864ab' },
  dark: { CRITICAL: '#ff8787', MAJOR: '#ffa94d', MINOR: '#ffc46b', WARNING: '#ffe066', INFO: '#74c0fc' },
} as const satisfies Record<string, Record<Severity, string>>
const ink = {
  light: { text: '#4a545c', grid: '#e9ecef' },
  dark: { text: '#b3bac1', grid: '#2f363c' },
} as const

const height = 180
/** With more lines than this the bands cover each other and say nothing. */
const maxBands = 3

/** Several lines on one time axis. Charts that share the page share the cursor. */
export function Chart(props: ChartProps): ReactNode {
  const { title, unit, at, lines, thresholds, from, to } = props
  const scheme = useComputedColorScheme('light')
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const latest = useRef(props)
  useLayoutEffect(() => {
    latest.current = props
  })

  // What a chart is made of; the values come and go without making it anew, which would lose the cursor.
  const shape = JSON.stringify([unit, lines.map((line) => line.label), thresholds])
  const banded = lines.length <= maxBands && lines.some((line) => line.max.some((max, i) => max !== line.value[i]))

  useLayoutEffect(() => {
    const target = place.current
    if (target === null) return
    const columns = columnsOf(latest.current.at, latest.current.lines, banded)
    const made = new uPlot(optionsFor({ latest, scheme, banded, width: target.clientWidth }), columns, target)
    chart.current = made
    const watcher = new ResizeObserver(() => {
      if (target.clientWidth > 0) made.setSize({ width: target.clientWidth, height })
    })
    watcher.observe(target)
    return () => {
      watcher.disconnect()
      made.destroy()
      chart.current = null
    }
  }, [shape, scheme, banded])

  useEffect(() => {
    chart.current?.setData(columnsOf(at, lines, banded))
  }, [at, lines, banded, from, to])

  return (
    <div
      ref={place}
      className={lines.length > 1 ? 'chart' : 'chart chart-single'}
      role="img"
      aria-label={summaryOf(title, unit, lines)}
    />
  )
}

/** What a chart says to those who cannot see it: the latest value of each line. */
function summaryOf(title: string, unit: string, lines: readonly ChartLine[]): string {
  const latest = lines.map((line) => {
    const value = line.value.findLast((one) => one !== null)
    return `${lines.length > 1 ? `${line.label} ` : ''}${formatValue(value, unit)}`
  })
  return `${title}: ${latest.join(', ')}`
}

function columnsOf(at: readonly number[], lines: readonly ChartLine[], banded: boolean): uPlot.AlignedData {
  const bands = banded ? lines.flatMap((line) => [[...line.max], [...line.min]]) : []
  return [[...at], ...lines.map((line) => [...line.value]), ...bands]
}

/** What is read anew at each drawing comes from `latest`, the rest holds as long as the chart does. */
function optionsFor(given: {
  latest: { readonly current: ChartProps }
  scheme: 'light' | 'dark'
  banded: boolean
  width: number
}): uPlot.Options {
  const { latest, scheme, banded } = given
  const { unit, lines, thresholds } = latest.current
  const colours = lineColours[scheme]
  const colour = (i: number): string => colours[i % colours.length]!
  const { text, grid } = ink[scheme]
  const font = '11px system-ui, sans-serif'
  const axis = { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 } }
  const bandSeries = banded
    ? lines.flatMap((line): uPlot.Series[] => [
        { label: `${line.label} max`, stroke: 'transparent', points: { show: false }, class: 'legend-hidden' },
        { label: `${line.label} min`, stroke: 'transparent', points: { show: false }, class: 'legend-hidden' },
      ])
    : []
  return {
    width: given.width,
    height,
    ms: 1,
    padding: [8, 8, 0, 0],
    cursor: {
      // A line across would be at another value in every chart that shares the cursor.
      y: false,
      sync: { key: 'farwatch', setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
    },
    select: { show: true, left: 0, top: 0, width: 0, height: 0 },
    legend: { live: true, markers: { width: 0, fill: (_, i) => (i === 0 ? 'transparent' : colour(i - 1)) } },
    scales: {
      x: { time: true, range: () => [latest.current.from, latest.current.to] },
      y: { range: (_, min, max) => valueRange(unit, min, max) },
    },
    axes: [
      {
        ...axis,
        space: 64,
        size: 32,
        values: (_, splits, __, ___, step) => formatTicks(splits, step),
      },
      {
        ...axis,
        size: 72,
        space: 34,
        values: (_, splits) => splits.map((value) => formatValue(value, unit)),
        ...(unit.startsWith('B') ? { incrs: [...byteSteps] } : {}),
      },
    ],
    series: [
      { value: (_, at) => (typeof at === 'number' ? formatMoment(at) : '') },
      ...lines.map((line, i): uPlot.Series => ({
        label: line.label,
        stroke: colour(i),
        width: 1.5,
        points: { size: 4, fill: colour(i) },
        value: (_, value) => (typeof value === 'number' ? formatValue(value, unit) : ''),
      })),
      ...bandSeries,
    ],
    bands: banded
      ? lines.map((_, i) => ({
          series: [lines.length + 1 + i * 2, lines.length + 2 + i * 2],
          fill: `${colour(i)}26`,
        }))
      : [],
    hooks: {
      setSelect: [
        (made) => {
          const { left, width } = made.select
          // A click that slipped is no zoom.
          if (width < 6) return
          const [from, to] = [made.posToVal(left, 'x'), made.posToVal(left + width, 'x')]
          made.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          latest.current.onZoom(Math.round(from), Math.round(to))
        },
      ],
      draw: [(made) => drawThresholds(made, thresholds, scheme)],
    },
  }
}

/** An axis from zero where that is where the values begin, and never one that makes noise look like a mountain. */
function valueRange(unit: string, min: number | null, max: number | null): uPlot.Range.MinMax {
  if (min === null || max === null) return [0, 1]
  const spread = max - min
  if (min >= 0 && (min <= max * 0.5 || spread === 0)) {
    const top = max === 0 ? 1 : max * 1.08
    return [0, unit === '%' && max <= 100 && max > 60 ? 100 : top]
  }
  // A hundredth of the value at least: finer, and the ticks of the axis would all bear the same words.
  const room = Math.max(spread * 0.15, Math.abs(max) * 0.01, Number.EPSILON)
  return [min - room, max + room]
}

/** Lines at the thresholds that fall within the chart; far ones would flatten what is measured. */
function drawThresholds(made: uPlot, thresholds: readonly ChartThreshold[], scheme: 'light' | 'dark'): void {
  const { ctx, bbox } = made
  const { min, max } = made.scales['y']!
  if (min === undefined || max === undefined || min === null || max === null) return
  ctx.save()
  ctx.lineWidth = devicePixelRatio
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio])
  for (const { severity, at } of thresholds) {
    if (at < min || at > max) continue
    const y = Math.round(made.valToPos(at, 'y', true))
    ctx.strokeStyle = thresholdColours[scheme][severity]
    ctx.beginPath()
    ctx.moveTo(bbox.left, y)
    ctx.lineTo(bbox.left + bbox.width, y)
    ctx.stroke()
  }
  ctx.restore()
}
