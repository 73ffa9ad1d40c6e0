import { Button, Checkbox } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useBlocker, useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useMemo, useState, type ReactNode } from 'react'
import type { Agent, GroupSummary } from '../../../src/contract/index.ts'
import { agents as agentsQuery, associations as associationsQuery, groups as groupsQuery } from '../api/queries.ts'
import {
  cell,
  edited,
  isAssociated,
  liveEdits,
  localRule,
  withEdits,
  type Associations,
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
  if (saved.data === undefined || agents.data === undefined || groups.data === undefined) {
    const failed = saved.error ?? agents.error ?? groups.error
    if (failed === null) return <Waiting />
    const again = (): void => [saved, agents, groups].forEach((query) => void query.refetch())
    return <Failure error={failed} again={again} />
  }
  return (
    <>
      <Stale query={[saved, agents, groups].find(({ error }) => error !== null) ?? saved} />
      <Matrix
        saved={saved.data.associations}
        agents={sortAgents(agents.data).accepted.toSorted((a, b) => compareNames(a.name, b.name))}
        groups={groups.data}
        allowed={allowed}
      />
    </>
  )
}

function Matrix(props: {
  saved: Associations
  agents: readonly Agent[]
  groups: readonly GroupSummary[]
  allowed: boolean
}): ReactNode {
  const { saved, agents, groups, allowed } = props
  const search = useSearch({ from: '/signed-in/agents' })
  const navigate = useNavigate({ from: '/agents' })
  const [held, setEdits] = useState(noEdits)
  const filter = useCallback(
    (value: string) => void navigate({ search: (old) => ({ ...old, text: value }), replace: true }),
    [navigate],
  )
  const edits = useMemo(() => {
    const known = {
      groups: new Set(groups.map(({ name }) => name)),
      agents: new Set(agents.map(({ name }) => name)),
    }
    return liveEdits(saved, held, known)
  }, [saved, held, groups, agents])
  const wanted = useMemo(() => withEdits(saved, edits), [saved, edits])
  useBlocker({
    shouldBlockFn: ({ next, current }) =>
      edits.size > 0 &&
      (next.pathname !== current.pathname || !('tab' in next.search)) &&
      !window.confirm(words.leave),
    enableBeforeUnload: () => edits.size > 0,
  })
  if (groups.length === 0) return <Empty title={words.noGroups} hint={words.noGroupsHint} />

  const text = search.text ?? ''
  const shown = groups
    .filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()))
    .toSorted((a, b) => compareNames(a.name, b.name))
  return (
    <>
      <CoverageBanner groups={groups} />
      <p className="quiet">{words.hint}</p>
      <p className={edits.size > 0 ? 'note' : 'quiet'}>{words.rule[localRule(wanted)]}</p>
      <div className="filters">
        <FilterText label={words.filterGroups} value={text} onChange={filter} />
      </div>
      <div className="matrix-frame" tabIndex={0} role="region" aria-label={texts.agents.tabs.associations}>
        <table className="matrix">
          <thead>
            <tr>
              <th scope="col" className="matrix-corner">
                {words.group}
              </th>
              {agents.map((agent) => (
                <th key={agent.id} scope="col">
                  <Link to="/agents/$id" params={{ id: agent.id }} title={agent.name}>
                    {agent.name}
                  </Link>
                  <AgentMarks agent={agent} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((group) => (
              <Row
                key={group.name}
                group={group}
                agents={agents}
                saved={saved}
                edits={edits}
                wanted={wanted}
                allowed={allowed}
                onEdit={setEdits}
              />
            ))}
          </tbody>
        </table>
      </div>
      {edits.size === 0 ? null : (
        <div className="tool-line save-line" role="status">
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

function Row(props: {
  group: GroupSummary
  agents: readonly Agent[]
  saved: Associations
  edits: Edits
  wanted: Associations
  allowed: boolean
  onEdit: (edits: Edits) => void
}): ReactNode {
  const { group, agents, saved, edits, wanted } = props
  const nobody = localRule(wanted) !== 'runs everything' && !wanted.some((one) => one.group === group.name)
  return (
    <tr>
      <th scope="row">
        <span className="matrix-group">
          <span className="ellipsis" title={group.name}>
            {group.name}
          </span>
          {nobody ? <span className="mark mark-uncovered">{words.uncovered}</span> : null}
        </span>
      </th>
      {agents.map((agent) => {
        const edit = edits.get(cell(group.name, agent.name))
        return (
          <td key={agent.id} className={edit === undefined ? undefined : 'matrix-edited'}>
            <Checkbox
              size="sm"
              aria-label={words.runs(agent.name, group.name)}
              checked={edit ?? isAssociated(saved, group.name, agent.name)}
              disabled={!props.allowed}
              title={props.allowed ? words.runs(agent.name, group.name) : texts.common.notAllowed}
              onChange={(event) =>
                props.onEdit(edited(saved, edits, group.name, agent.name, event.currentTarget.checked))
              }
            />
          </td>
        )
      })}
    </tr>
  )
}
