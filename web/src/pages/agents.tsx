import { Button, Tabs, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, type ReactNode } from 'react'
import { agents as agentsQuery, me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { matchesAgent, sortAgents } from '../model/agents.ts'
import { FilterText } from '../parts/filter-text.tsx'
import { Empty, Present } from '../parts/states.tsx'
import { TabBar } from '../parts/tab-bar.tsx'
import { texts } from '../texts.ts'
import { AddAgentDialog, HowToAdd } from './agents-add.tsx'
import { AssociationsTab } from './agents-associations.tsx'
import { AgentList } from './agents-list.tsx'
import { Pending, Rejected } from './agents-pending.tsx'

const { agents: words } = texts

/** Who runs the monitors, who asks to, and which groups each of them runs. */
export function AgentsPage(): ReactNode {
  const search = useSearch({ from: '/signed-in/agents' })
  const navigate = useNavigate({ from: '/agents' })
  const { data: user } = useQuery(me)
  const [adding, add] = useDisclosure(false)
  const allowed = user !== undefined && may(user.grants, 'admin')
  const tab = search.tab === 'associations' ? 'associations' : 'agents'
  return (
    <>
      <div className="page-head">
        <Title order={1}>{words.title}</Title>
        <Button
          size="xs"
          className="head-end"
          disabled={!allowed}
          title={allowed ? undefined : texts.common.notAllowed}
          onClick={add.open}
        >
          {words.add}
        </Button>
      </div>
      <Tabs
        value={tab}
        onChange={(to) => void navigate({ search: to === 'associations' ? { tab: to } : {} })}
        keepMounted={false}
      >
        <TabBar names={['agents', 'associations']} chosen={tab} words={words.tabs} />
        <Tabs.Panel value={tab} pt="md">
          {tab === 'agents' ? <AgentsTab allowed={allowed} /> : <AssociationsTab allowed={allowed} />}
        </Tabs.Panel>
      </Tabs>
      {adding ? <AddAgentDialog onClose={add.close} /> : null}
    </>
  )
}

/** From so many on, a filter is quicker than looking. */
const filterFrom = 6

function AgentsTab({ allowed }: { allowed: boolean }): ReactNode {
  const search = useSearch({ from: '/signed-in/agents' })
  const navigate = useNavigate({ from: '/agents' })
  const agents = useQuery(agentsQuery)
  const text = search.text ?? ''
  const filter = useCallback(
    (value: string) => void navigate({ search: (old) => ({ ...old, text: value }), replace: true }),
    [navigate],
  )
  return (
    <Present query={agents}>
      {(rows) => {
        const { pending, accepted, rejected } = sortAgents(rows)
        const shown = accepted.filter((agent) => matchesAgent(agent, text))
        return (
          <>
            <Pending agents={pending} allowed={allowed} />
            {accepted.length >= filterFrom || text !== '' ? (
              <div className="filters">
                <FilterText label={words.filter} value={text} onChange={filter} />
                <span className="dim" role="status">
                  {words.shown(shown.length)}
                </span>
              </div>
            ) : null}
            {shown.length > 0 ? (
              <AgentList agents={shown} allowed={allowed} />
            ) : text === '' ? null : (
              <Empty title={words.nothingFound} />
            )}
            {accepted.some((agent) => !agent.local) || pending.length > 0 ? null : (
              <section className="card how-to" aria-labelledby="how-to">
                <Title order={2} id="how-to">
                  {words.empty.title}
                </Title>
                <p>{words.empty.hint}</p>
                <HowToAdd />
              </section>
            )}
            <Rejected agents={rejected} allowed={allowed} />
          </>
        )
      }}
    </Present>
  )
}
