import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useBlocker, useNavigate, useSearch } from '@tanstack/react-router'
import { memo, useCallback, useMemo, useState, type ReactNode } from 'react'
import type { Agent, GroupSummary } from '../../../src/contract/index.ts'
import { agents as agentsQuery, associations as associationsQuery, groups as groupsQuery } from '../api/queries.ts'
import {
  cell,
  columnsOf,
  edited,
  liveEdits,
  localRule,
  withEdits,
  type Associations,
  type Column,
  type Edits,
} from '../model/associations.ts'
import { sortAgents } from '../model/agents.ts'
import { compareNames } from '../model/overview.ts'
import { AgentMarks } from '../parts/agent-marks.tsx'
import { CoverageBanner } from '../parts/coverage-banner.tsx'
import { FilterText } from '../parts/filter-text.tsx'
import { Empty, Failure, Stale, Waiting } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { AssociationPreview } from './agents-associations-preview.tsx'

const { associations: words } = texts.agents
const noEdits: Edits = new Map()

/** Groups by agents: who runs what. Edits stay here until it was seen what they would change. */
export function AssociationsTab({ allowed }: { allowed: boolean }): ReactNode {
  const saved = useQuery(associationsQuery)
  const agents = useQuery(agentsQuery)
  const groups = useQuery(groupsQuery)
  const accepted = useMemo(() => (agents.data === undefined ? [] : sortAgents(agents.data).accepted), [agents.data])
  if (saved.data === undefined || agents.data === undefined || groups.data === undefined) {
    const failed = saved.error ?? agents.error ?? groups.error
    if (failed === null) return <Waiting />
    const again = (): void => [saved, agents, groups].forEach((query) => void query.refetch())
    return <Failure error={failed} again={again} />
  }
  return (
    <>
      <Stale query={[saved, agents, groups].find(({ error }) => error !== null) ?? saved} />
      <Matrix saved={saved.data.associations} agents={accepted} groups={groups.data} allowed={allowed} />
    </>
  )
}

/** More than these on one page take long to draw, and nobody looks through them; the filters find the others. */
const shownAtMost = { agents: 60, groups: 300 }

function Matrix(props: {
  saved: Associations
  agents: readonly Agent[]
  groups: readonly GroupSummary[]
  allowed: boolean
}): ReactNode {
  const { saved, agents, groups, allowed } = props
  const [held, setEdits] = useState(noEdits)
  const columns = useMemo(() => columnsOf(saved, agents), [saved, agents])
  const edits = useMemo(() => {
    const known = {
      groups: new Set(groups.map(({ name }) => name)),
      agents: new Set(columns.map(({ name }) => name)),
    }
    return liveEdits(saved, held, known)
  }, [saved, held, groups, columns])
  const wanted = useMemo(() => withEdits(saved, edits), [saved, edits])
  const edit = useCallback(
    (group: string, agent: string, on: boolean) => setEdits((old) => edited(saved, old, group, agent, on)),
    [saved],
  )
  useBlocker({
    shouldBlockFn: ({ next, current }) =>
      edits.size > 0 && (next.pathname !== current.pathname || !('tab' in next.search)) && !window.confirm(words.leave),
    enableBeforeUnload: () => edits.size > 0,
  })
  if (groups.length === 0) return <Empty title={words.noGroups} hint={words.noGroupsHint} />
  return (
    <>
      <CoverageBanner groups={groups} />
      <p className="quiet">{words.hint}</p>
      <p className={localRule(wanted) === localRule(saved) ? 'quiet' : 'note'}>{words.rule[localRule(wanted)]}</p>
      <Cells groups={groups} columns={columns} wanted={wanted} edits={edits} allowed={allowed} onEdit={edit} />
      {edits.size === 0 ? null : (
        <div className="tool-line associations-line" role="status">
          <strong>{words.edits(edits.size)}</strong>
          <Button variant="default" onClick={() => setEdits(noEdits)}>
            {words.discard}
          </Button>
        </div>
      )}
      <AssociationPreview wanted={wanted} isEdited={edits.size > 0} onSaved={() => setEdits(noEdits)} />
    </>
  )
}

function holds(name: string, text = ''): boolean {
  return name.toLowerCase().includes(text.toLowerCase())
}

type Edit = (group: string, agent: string, on: boolean) => void

function Cells(props: {
  groups: readonly GroupSummary[]
  columns: readonly Column<Agent>[]
  wanted: Associations
  edits: Edits
  allowed: boolean
  onEdit: Edit
}): ReactNode {
  const { groups, columns, wanted, edits } = props
  const search = useSearch({ from: '/signed-in/agents' })
  const navigate = useNavigate({ from: '/agents' })
  const filterGroups = useCallback(
    (text: string) => void navigate({ search: (old) => ({ ...old, text }), replace: true }),
    [navigate],
  )
  const filterAgents = useCallback(
    (agent: string) => void navigate({ search: (old) => ({ ...old, agent }), replace: true }),
    [navigate],
  )
  const rows = groups.filter(({ name }) => holds(name, search.text)).toSorted((a, b) => compareNames(a.name, b.name))
  const found = useMemo(() => columns.filter(({ name }) => holds(name, search.agent)), [columns, search.agent])
  const shown = found.slice(0, shownAtMost.agents)
  // The agents are loaded anew every few seconds; the rows go by their names alone.
  const nameLines = shown.map(({ name }) => name).join('\n')
  const names = useMemo(() => nameLines.split('\n'), [nameLines])
  const agentsOf = new Map(wanted.map((one) => [one.group, one.agents]))
  const isOpenToAll = localRule(wanted) === 'runs everything'
  return (
    <>
      <div className="filters">
        <FilterText label={words.filterGroups} value={search.text ?? ''} onChange={filterGroups} />
        <FilterText label={words.filterAgents} value={search.agent ?? ''} onChange={filterAgents} />
      </div>
      {rows.length > shownAtMost.groups ? (
        <p className="quiet">{words.cut(shownAtMost.groups, rows.length, 'groups')}</p>
      ) : null}
      {found.length > shown.length ? <p className="quiet">{words.cut(shown.length, found.length, 'agents')}</p> : null}
      <div className="matrix-frame" tabIndex={0} role="region" aria-label={texts.agents.tabs.associations}>
        <table className="matrix">
          <thead>
            <tr>
              <th scope="col" className="matrix-corner">
                {words.group}
              </th>
              {shown.map(({ name, agent }) => (
                <th key={name} scope="col">
                  <ColumnHead name={name} agent={agent} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shownAtMost.groups).map(({ name }) => {
              const runners = agentsOf.get(name) ?? []
              return (
                <Row
                  key={name}
                  group={name}
                  agents={names}
                  runners={runners.join('\n')}
                  edited={names.filter((agent) => edits.has(cell(name, agent))).join('\n')}
                  isBare={runners.length === 0 && !isOpenToAll}
                  allowed={props.allowed}
                  onEdit={props.onEdit}
                />
              )
            })}
          </tbody>
        </table>
      </div>
    </>
  )
}

function ColumnHead({ name, agent }: { name: string; agent: Agent | undefined }): ReactNode {
  if (agent !== undefined)
    return (
      <>
        <Link to="/agents/$id" params={{ id: agent.id }} title={name} className="matrix-agent">
          {name}
        </Link>
        <AgentMarks agent={agent} />
      </>
    )
  return (
    <>
      <span className="matrix-agent" title={name}>
        {name}
      </span>
      <span className="mark sev-WARNING" title={words.unknownHint}>
        {words.unknown}
      </span>
    </>
  )
}

/**
 * One group. The names of its agents, and of those that were edited, come as texts (a line each), so that a row that did not change is not
 * drawn again: a click in a matrix of thousands of cells must not draw them all.
 */
const Row = memo(function Row(props: {
  group: string
  agents: readonly string[]
  runners: string
  edited: string
  isBare: boolean
  allowed: boolean
  onEdit: Edit
}): ReactNode {
  const { group, agents, allowed } = props
  const runners = new Set(props.runners.split('\n'))
  const changed = new Set(props.edited.split('\n'))
  return (
    <tr>
      <th scope="row">
        <span className="matrix-group">
          <span className="ellipsis" title={group}>
            {group}
          </span>
          {props.isBare ? <span className="mark mark-uncovered">{words.uncovered}</span> : null}
        </span>
      </th>
      {agents.map((name) => (
        <td key={name} className={changed.has(name) ? 'matrix-edited' : undefined}>
          <input
            type="checkbox"
            aria-label={words.runs(name, group)}
            title={allowed ? words.runs(name, group) : texts.common.notAllowed}
            checked={runners.has(name)}
            disabled={!allowed}
            onChange={(event) => props.onEdit(group, name, event.currentTarget.checked)}
          />
        </td>
      ))}
    </tr>
  )
})
