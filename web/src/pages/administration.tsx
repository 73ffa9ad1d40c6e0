import { Tabs, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Role } from '../../../src/contract/index.ts'
import { me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { Present } from '../parts/states.tsx'
import { TabBar } from '../parts/tab-bar.tsx'
import { texts } from '../texts.ts'
import { AuditTab } from './administration-audit.tsx'
import { MaintenanceTab } from './administration-maintenance.tsx'
import { SnapshotsTab } from './administration-snapshots.tsx'
import { StatisticsTab } from './administration-statistics.tsx'
import { TokensTab } from './administration-tokens.tsx'
import { UsersTab } from './administration-users.tsx'

const { administration: words } = texts

interface Tab {
  readonly shown: () => ReactNode
  readonly allowed: Role
  /** Takes the role for all groups, as what it shows belongs to none. */
  readonly everywhere: boolean
}

const tabs = {
  users: { shown: UsersTab, allowed: 'admin', everywhere: true },
  tokens: { shown: TokensTab, allowed: 'viewer', everywhere: false },
  maintenance: { shown: MaintenanceTab, allowed: 'viewer', everywhere: false },
  statistics: { shown: StatisticsTab, allowed: 'viewer', everywhere: false },
  snapshots: { shown: SnapshotsTab, allowed: 'viewer', everywhere: true },
  audit: { shown: AuditTab, allowed: 'admin', everywhere: true },
} as const satisfies Record<string, Tab>
type TabName = keyof typeof tabs

/** Who may do what here, what was done, and what is kept for the day it is needed. */
export function AdministrationPage(): ReactNode {
  const search = useSearch({ from: '/signed-in/administration' })
  const navigate = useNavigate({ from: '/administration' })
  const user = useQuery(me)
  return (
    <>
      <div className="page-head">
        <Title order={1}>{words.title}</Title>
      </div>
      <Present query={user}>
        {({ grants }) => {
          const names = (Object.keys(tabs) as TabName[]).filter((name) => {
            const { allowed, everywhere } = tabs[name]
            return may(grants, allowed, everywhere ? '*' : undefined)
          })
          const first = names[0]
          if (first === undefined) return <p className="quiet">{words.nothing}</p>
          const tab = names.find((name) => name === search.tab) ?? first
          const { shown: Shown } = tabs[tab]
          return (
            <Tabs
              value={tab}
              onChange={(to) => void navigate({ search: to === null || to === first ? {} : { tab: to } })}
              keepMounted={false}
            >
              <TabBar names={names} chosen={tab} words={words.tabs} />
              <Tabs.Panel value={tab} pt="md">
                <Shown />
              </Tabs.Panel>
            </Tabs>
          )
        }}
      </Present>
    </>
  )
}
