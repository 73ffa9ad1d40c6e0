import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react'
import { formatMoment } from '../format/times.ts'
import { countSlots, slotAt, slotBeside, stripParts, type SlotSeen, type Stretch } from '../model/slots.ts'
import { texts } from '../texts.ts'
import { OutcomeMark } from './marks.tsx'

/** Finer than this nothing is told apart; the strip is drawn as wide as there is room. */
const places = 400
/** How near one must point, as a share of the width. */
const reachShare = 0.006

/**
 * How each slot of a task ended, as a strip over time. Pointing at it, or going along it with the arrow keys, says of a slot when it
 * was planned, how it ended and why.
 */
export function CoverageStrip(props: {
  readonly name: string
  readonly stretches: readonly Stretch[]
  readonly from: number
  readonly to: number
}): ReactNode {
  const { name, stretches, from, to } = props
  const parts = useMemo(() => stripParts(stretches, from, to, places), [stretches, from, to])
  const [seen, setSeen] = useState<SlotSeen | undefined>()
  const strip = useRef<HTMLDivElement>(null)
  // What was pointed at may have moved out of the range.
  useEffect(() => setSeen((old) => (old === undefined || old.at < from || old.at > to ? undefined : old)), [from, to])

  const momentAt = (event: PointerEvent): number => {
    const { left, width } = strip.current!.getBoundingClientRect()
    return from + ((event.clientX - left) / Math.max(1, width)) * (to - from)
  }
  const point = (event: PointerEvent): void => setSeen(slotAt(stretches, momentAt(event), (to - from) * reachShare))
  const onKey = (event: KeyboardEvent): void => {
    const last = stretches.at(-1)
    if (last === undefined) return
    const current = seen ?? { at: last.to, stretch: last }
    const next = {
      ArrowLeft: () => slotBeside(stretches, current, 'before'),
      ArrowRight: () => slotBeside(stretches, current, 'after'),
      Home: () => ({ at: stretches[0]!.from, stretch: stretches[0]! }),
      End: () => ({ at: last.to, stretch: last }),
      Escape: () => undefined,
    }[event.key]
    if (next === undefined) return
    event.preventDefault()
    // The first key only shows where one is.
    setSeen(
      event.key === 'Escape'
        ? undefined
        : seen === undefined && event.key.startsWith('Arrow')
          ? current
          : (next() ?? current),
    )
  }

  const words = seen === undefined ? summaryOf(stretches) : wordsOf(seen)
  return (
    <div className="strip-line">
      <div
        ref={strip}
        className="strip"
        role="slider"
        tabIndex={0}
        aria-label={texts.watch.strip.label(name)}
        aria-valuemin={from}
        aria-valuemax={to}
        aria-valuenow={seen?.at ?? to}
        aria-valuetext={words}
        aria-orientation="horizontal"
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() => setSeen(undefined)}
        onKeyDown={onKey}
        onBlur={() => setSeen(undefined)}
      >
        <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
          {parts.map(({ begin, end, outcome }) => (
            <rect key={begin} x={begin} y={0} width={end - begin} height={1} className={`slot-${outcome}`} />
          ))}
        </svg>
        {seen === undefined ? null : (
          <span className="strip-cursor" style={{ left: `${((seen.at - from) / (to - from)) * 100}%` }} />
        )}
      </div>
      <div className="strip-words">
        {seen === undefined ? (
          <span className="dim">{words}</span>
        ) : (
          <>
            <span className="number">{formatMoment(seen.at)}</span>
            <OutcomeMark of={seen.stretch.outcome} />
            {seen.stretch.reason === null ? null : <span>{seen.stretch.reason}</span>}
            {seen.stretch.agent === null ? null : <span className="dim">{seen.stretch.agent}</span>}
          </>
        )}
      </div>
    </div>
  )
}

function wordsOf({ at, stretch }: SlotSeen): string {
  return [formatMoment(at), texts.outcome[stretch.outcome], stretch.reason, stretch.agent]
    .filter((word) => word !== null)
    .join(', ')
}

function summaryOf(stretches: readonly Stretch[]): string {
  const counts = [...countSlots(stretches)]
  if (counts.length === 0) return texts.watch.strip.nothing
  return counts.map(([outcome, n]) => texts.watch.strip.count(n, texts.outcome[outcome])).join(' · ')
}
