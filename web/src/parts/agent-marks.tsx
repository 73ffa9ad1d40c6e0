import type { ReactNode } from 'react'
import type { Agent } from '../../../src/contract/index.ts'
import { formatSpan, formatValue } from '../format/values.ts'
import { agentWords, clockOf, isOverloaded, type AgentLook } from '../model/agents.ts'
import { texts } from '../texts.ts'
import { Ago } from './marks.tsx'

const { agents: words } = texts

const lookOf: Record<AgentLook, string> = {
  good: 'sev-CLEAR',
  quiet: 'mark-none',
  asks: 'sev-WARNING',
  bad: 'sev-MAJOR',
}

/** How an agent is, in words on the colour of what they mean. */
export function AgentMarks({ agent }: { agent: Agent }): ReactNode {
  return (
    <span className="marks">
      {agentWords(agent).map(({ word, look }) => (
        <span key={word} className={`mark ${lookOf[look]}`} title={words.stateHint[word]}>
          {words.state[word]}
        </span>
      ))}
    </span>
  )
}

/** What an agent has to do by what it can, as a bar beside its number; the bar says nothing that the number does not. */
export function LoadBar({ load }: { load: number }): ReactNode {
  const over = isOverloaded(load)
  return (
    <span className="load" title={words.loadHint}>
      <span className="load-track" aria-hidden="true">
        <span className={over ? 'load-fill load-over' : 'load-fill'} style={{ width: `${Math.min(1, load) * 100}%` }} />
      </span>
      <span className={over ? 'number bad' : 'number'}>{formatLoad(load)}</span>
    </span>
  )
}

/** Unlike a share of coverage, a load is rounded as usual, and may be more than a whole. */
export function formatLoad(load: number): string {
  const percent = load * 100
  return `${percent > 0 && percent < 1 ? '< 1' : Math.round(percent).toLocaleString('en')} %`
}

export function ClockText({ clock }: { clock: { offsetMs: number; rttMs: number } | null }): ReactNode {
  if (clock === null) return <span className="dim">{texts.common.none}</span>
  const { is, byMs, isWrong } = clockOf(clock)
  const span = formatSpan(Math.round(byMs))
  return (
    <span className={isWrong ? 'bad' : undefined} title={words.clockHint}>
      {is === 'exact' ? words.clockExact : is === 'ahead' ? words.clockAhead(span) : words.clockBehind(span)}
    </span>
  )
}

export function SpoolText({ spool }: { spool: Agent['spool'] }): ReactNode {
  if (spool === null) return <span className="dim">{texts.common.none}</span>
  if (spool.entries === 0) return <span>{words.spoolEmpty}</span>
  return (
    <span>
      {words.spoolLine(spool.entries, formatValue(spool.bytes, 'B'))}
      {spool.oldestAt === null ? null : (
        <span className="dim nowrap">
          {' '}
          · {words.spoolOldest} <Ago at={spool.oldestAt} />
        </span>
      )}
    </span>
  )
}

/** Processor and memory, and the disk below them, as far as the agent has said. */
export function MachineText({ agent }: { agent: Agent }): ReactNode {
  const { cpu, memory, disk } = agent
  const busy = [
    ...(cpu === null ? [] : [`${words.cpu} ${formatLoad(cpu)}`]),
    ...(memory === null || memory.totalBytes === 0
      ? []
      : [`${words.memory} ${formatLoad(memory.usedBytes / memory.totalBytes)}`]),
  ]
  if (busy.length === 0 && disk === null) return <span className="dim">{texts.common.none}</span>
  return (
    <span className="machine">
      <span className="nowrap">{busy.join(' · ')}</span>
      {disk === null ? null : (
        <span className="dim nowrap">
          {words.diskFree} {formatValue(disk.freeBytes, 'B')}
        </span>
      )}
    </span>
  )
}
