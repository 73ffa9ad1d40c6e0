import { ActionIcon, Button, SegmentedControl } from '@mantine/core'
import type { ReactNode } from 'react'
import { moved, rangeNames, spanOf, type Move, type Range } from '../model/range.ts'
import { texts } from '../texts.ts'
import { Icon, type IconName } from './icons.tsx'
import { When } from './marks.tsx'

const moves = [
  { move: 'earlier', icon: 'earlier' },
  { move: 'wider', icon: 'wider' },
  { move: 'later', icon: 'chevron' },
] as const satisfies readonly { readonly move: Move; readonly icon: IconName }[]

/** Which time is shown: the last so long, or a part that was zoomed into, from where one goes earlier, later and out again. */
export function RangeChoice(props: {
  readonly range: Range
  /** As it stands in the address, to go back to. */
  readonly chosen: string | undefined
  readonly onChoose: (name: string) => void
  readonly onZoom: (from: number, to: number) => void
}): ReactNode {
  const { range, chosen, onChoose, onZoom } = props
  const go = (move: Move): void => {
    const now = Date.now()
    const { from, to } = spanOf(range, now)
    const next = moved(from, to, move, now)
    onZoom(next.from, next.to)
  }
  return (
    <div className="range">
      {range.is === 'fixed' ? (
        <>
          <span className="dim nowrap">
            <When at={range.from} /> – <When at={range.to} />
          </span>
          <Button size="compact-sm" variant="default" onClick={() => onChoose(chosen ?? '')}>
            {texts.system.resetZoom}
          </Button>
        </>
      ) : (
        <span className="dim zoom-hint">{texts.watch.range.hint}</span>
      )}
      <span className="range-moves">
        {moves.map(({ move, icon }) => (
          <ActionIcon
            key={move}
            variant="default"
            size={30}
            aria-label={texts.watch.range[move]}
            title={texts.watch.range[move]}
            disabled={move === 'later' && range.is === 'last'}
            onClick={() => go(move)}
          >
            <Icon name={icon} size={16} />
          </ActionIcon>
        ))}
      </span>
      <SegmentedControl
        size="xs"
        aria-label={texts.system.range}
        value={range.is === 'last' ? range.name : ''}
        onChange={onChoose}
        data={[...rangeNames]}
      />
    </div>
  )
}
