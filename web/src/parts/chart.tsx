import 'uplot/dist/uPlot.min.css'
import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useLayoutEffect, useRef, type ReactNode } from 'react'
import uPlot from 'uplot'
import type { Severity } from '../../../src/model/index.ts'
import { formatMoment, formatTicks } from '../format/times.ts'
import { byteSteps, formatValue } from '../format/values.ts'
import { alone } from '../model/charts.ts'
import { severitiesDown } from '../model/overview.ts'

export interface ChartLine {
  readonly label: string
  readonly value: readonly (number | null)[]
  readonly min: readonly (number | null)[]
  readonly max: readonly (number | null)[]
  /** Drawn in the colour of that line, dashed: the same series at another time. */
  readonly before?: number
}

export interface ChartThreshold {
  readonly severity: Severity
  readonly at: number
}

/** What happened meanwhile, drawn on the time axis of a chart. Times are epoch milliseconds. */
export interface ChartEvents {
  /** `to`: when it was cleared; null while it is open. */
  readonly alarms: readonly { readonly severity: Severity; readonly from: number; readonly to: number | null }[]
  readonly maintenance: readonly { readonly from: number; readonly to: number }[]
  /** Slots whose values came late: charts of that time looked otherwise then. */
  readonly late: readonly number[]
}

export const nothingHappened: ChartEvents = { alarms: [], maintenance: [], late: [] }

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
  readonly events?: ChartEvents
  readonly height?: number
  /** Called with the part that was dragged across, or with where it was dragged to with the shift key. */
  readonly onZoom: (from: number, to: number) => void
}

// Told apart by people with the common colour deficiencies, and with at least 3:1 against the ground of their scheme.
const lineColours = {
  light: ['#0f6e8c', '#c2410c', '#4d7c0f', '#7e22ce', '#be185d', '#8a6d00', '#3b5bdb', '#6b4423'],
  dark: ['#5bb8d4', '#fb923c', '#a3e635', '#c084fc', '#f472b6', '#facc15', '#818cf8', '#d6b99a'],
} as const
const thresholdColours = {
  light: { CRITICAL: '#c92a2a', MAJOR: '#d9480f', MINOR: '#b76e00', WARNING: '#8f7300', INFO: '#1864ab' },
  dark: { CRITICAL: '#ff8787', MAJOR: '#ffa94d', MINOR: '#ffc46b', WARNING: '#ffe066', INFO: '#74c0fc' },
} as const satisfies Record<string, Record<Severity, string>>
const ink = {
  light: { text: '#4a545c', grid: '#e9ecef' },
  dark: { text: '#b3bac1', grid: '#2f363c' },
} as const

const usualHeight = 180
/** A drag shorter than this was meant as a click. */
const slippedPixels = 6
/** With more lines than this the bands cover each other and say nothing. */
const maxBands = 3

/** Several lines on one time axis. Charts that share the page share the cursor. */
export function Chart(props: ChartProps): ReactNode {
  const { title, unit, at, lines, thresholds, from, to, events, height = usualHeight } = props
  const scheme = useComputedColorScheme('light')
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const latest = useRef(props)
  useLayoutEffect(() => {
    latest.current = props
  })

  // What a chart is made of; the values come and go without making it anew, which would lose the cursor.
  const shape = JSON.stringify([unit, lines.map((line) => [line.label, line.before]), thresholds])
  const banded = lines.length <= maxBands && lines.some((line) => line.max.some((max, i) => max !== line.value[i]))

  useLayoutEffect(() => {
    const target = place.current
    if (target === null) return
    const columns = columnsOf(latest.current.at, latest.current.lines, banded)
    const made = new uPlot(optionsFor({ latest, scheme, banded, width: target.clientWidth, height }), columns, target)
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
  }, [shape, scheme, banded, height])

  useEffect(() => {
    chart.current?.setData(columnsOf(at, lines, banded))
  }, [at, lines, banded, from, to, events])

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
  height: number
}): uPlot.Options {
  const { latest, scheme, banded, height } = given
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
  // How far the shift key has dragged, in milliseconds; drawn at once, and told when it is let go.
  let shift = 0
  const beginPan = (made: uPlot, { clientX: began }: MouseEvent): void => {
    const perPixel = (latest.current.to - latest.current.from) / made.over.clientWidth
    const move = ({ clientX }: MouseEvent): void => {
      shift = (clientX - began) * perPixel
      made.setScale('x', { min: latest.current.from - shift, max: latest.current.to - shift })
    }
    const end = (): void => {
      document.removeEventListener('mousemove', move)
      document.removeEventListener('mouseup', end)
      const by = Math.round(shift)
      shift = 0
      if (Math.abs(by) > perPixel * slippedPixels)
        latest.current.onZoom(latest.current.from - by, latest.current.to - by)
    }
    document.addEventListener('mousemove', move)
    document.addEventListener('mouseup', end)
  }
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
      bind: {
        mousedown: (made, _, handle) => (event) => {
          if (event.shiftKey) beginPan(made, event)
          else handle(event)
          return null
        },
      },
    },
    select: { show: true, left: 0, top: 0, width: 0, height: 0 },
    legend: {
      live: true,
      markers: { width: 0, fill: (_, i) => (i === 0 ? 'transparent' : colour(lines[i - 1]?.before ?? i - 1)) },
    },
    scales: {
      x: {
        time: true,
        range: () => [latest.current.from - shift, latest.current.to - shift],
      },
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
        stroke: colour(line.before ?? i),
        width: 1.5,
        ...(line.before === undefined ? {} : { dash: [5, 4] }),
        points: {
          size: 4,
          fill: colour(line.before ?? i),
          // Where lines are drawn without points, one that has no neighbour would not be seen at all.
          filter: (made, series, show) => (show ? null : alone(made.data[series] ?? [])),
        },
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
          if (width < slippedPixels) return
          const [from, to] = [made.posToVal(left, 'x'), made.posToVal(left + width, 'x')]
          made.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          latest.current.onZoom(Math.round(from), Math.round(to))
        },
      ],
      drawClear: [(made) => drawMaintenance(made, latest.current.events ?? nothingHappened, scheme)],
      draw: [
        (made) => {
          drawThresholds(made, thresholds, scheme)
          drawEvents(made, latest.current.events ?? nothingHappened, scheme)
        },
      ],
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

const eventColours = {
  light: { maintenance: '#d9ebfb', late: '#5a656e' },
  dark: { maintenance: '#16395a', late: '#a0aab2' },
} as const

function drawMaintenance(made: uPlot, { maintenance }: ChartEvents, scheme: 'light' | 'dark'): void {
  const { ctx, bbox } = made
  ctx.save()
  ctx.fillStyle = eventColours[scheme].maintenance
  for (const { from, to } of maintenance) {
    const [left, right] = within(made, from, to)
    if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height)
  }
  ctx.restore()
}

/** Alarms as bars along the foot of the chart, with a line where each began; a mark below it where values came late. */
function drawEvents(made: uPlot, { alarms, late }: ChartEvents, scheme: 'light' | 'dark'): void {
  const { ctx, bbox } = made
  const pixel = devicePixelRatio
  const foot = bbox.top + bbox.height
  ctx.save()
  // The worst is drawn last, so that it is seen where several overlap.
  for (const severity of severitiesDown.toReversed()) {
    for (const { severity: of, from, to } of alarms) {
      if (of !== severity) continue
      const [left, right] = within(made, from, to ?? Date.now())
      if (right <= left) continue
      ctx.fillStyle = thresholdColours[scheme][severity]
      ctx.globalAlpha = 0.9
      ctx.fillRect(left, foot - 4 * pixel, Math.max(right - left, 2 * pixel), 4 * pixel)
      ctx.globalAlpha = 0.35
      if (left > bbox.left) ctx.fillRect(left, bbox.top, pixel, bbox.height)
    }
  }
  ctx.globalAlpha = 1
  ctx.fillStyle = eventColours[scheme].late
  for (const slot of late) {
    const x = Math.round(made.valToPos(slot, 'x', true))
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.beginPath()
    ctx.moveTo(x, foot)
    ctx.lineTo(x - 4 * pixel, foot + 6 * pixel)
    ctx.lineTo(x + 4 * pixel, foot + 6 * pixel)
    ctx.fill()
  }
  ctx.restore()
}

/** Both ends of a time in pixels of the canvas, cut off where the chart ends. */
function within(made: uPlot, from: number, to: number): [number, number] {
  const { left, width } = made.bbox
  const cut = (at: number): number => Math.min(left + width, Math.max(left, made.valToPos(at, 'x', true)))
  return [cut(from), cut(to)]
}
