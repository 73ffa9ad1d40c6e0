import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Agent } from '../../../src/contract/index.ts'
import { AgentMarks, ClockText, LoadBar, MachineText, SpoolText } from '../parts/agent-marks.tsx'
import { Ago } from '../parts/marks.tsx'
import { WindowRows } from '../parts/window-rows.tsx'
import { texts } from '../texts.ts'
import { AgentActs } from './agent-acts.tsx'

const { agents: words } = texts
const columns = ['state', 'agent', 'load', 'machine', 'spool', 'clock', 'poll'] as const

/** About what a row takes on a wide screen. */
const usualHeight = 66

/** The accepted agents, one line each; on a narrow screen what is usual is left to the agent's own page. */
export function AgentList({ agents, allowed }: { agents: readonly Agent[]; allowed: boolean }): ReactNode {
  return (
    <div className="sheet" role="table" aria-label={words.title} aria-rowcount={agents.length + 1}>
      <div role="rowgroup">
        <div className="agent-row row-head" role="row">
          {columns.map((column) => (
            <span key={column} role="columnheader" className={`agent-${column}`}>
              {words.columns[column]}
            </span>
          ))}
          <span role="columnheader">
            <span className="visually-hidden">{words.columns.acts}</span>
          </span>
        </div>
      </div>
      <WindowRows
        rows={agents}
        keyOf={({ id }) => id}
        usualHeight={usualHeight}
        spare={12}
        role="rowgroup"
        draw={(agent, i) => <Row agent={agent} allowed={allowed} index={i} />}
      />
    </div>
  )
}

function Row({ agent, allowed, index }: { agent: Agent; allowed: boolean; index: number }): ReactNode {
  return (
    <div role="row" aria-rowindex={index + 2} className="agent-row">
      <span role="cell" className="agent-state">
        <AgentMarks agent={agent} />
      </span>
      <span role="cell" className="agent-agent">
        <span className="agent-name">
          <Link to="/agents/$id" params={{ id: agent.id }} className="row-link ellipsis" title={agent.name}>
            {agent.name}
          </Link>
          {agent.local ? <span className="dim nowrap">{words.local}</span> : null}
        </span>
        <span className="dim ellipsis" title={agent.groups.join(', ')}>
          {agent.groups.length === 0 ? words.noGroups : agent.groups.join(', ')}
        </span>
        <span className="dim ellipsis agent-version">
          {agent.version}
          {agent.lacks.length === 0 ? null : (
            <>
              {' · '}
              <span className="bad" title={agent.lacks.join(', ')}>
                {words.lacks(agent.lacks.length)}
              </span>
            </>
          )}
        </span>
      </span>
      <span role="cell" className="agent-load">
        <LoadBar load={agent.load} />
        <span className="dim nowrap">{words.connectors(agent.connectors)}</span>
      </span>
      <span role="cell" className="agent-machine">
        <MachineText agent={agent} />
      </span>
      <span role="cell" className="agent-spool" data-label={words.columns.spool}>
        <SpoolText spool={agent.spool} />
      </span>
      <span role="cell" className="agent-clock nowrap">
        <ClockText clock={agent.clock} />
      </span>
      <span role="cell" className="agent-poll nowrap">
        <Ago at={agent.lastSeenAt} />
      </span>
      <span role="cell" className="agent-acts">
        {allowed ? <AgentActs agent={agent} /> : null}
      </span>
    </div>
  )
}
