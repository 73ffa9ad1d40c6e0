import { Tabs, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { texts } from '../texts.ts'
import { AccountTab } from './instance-account.tsx'
import { AgentsTab } from './instance-agents.tsx'
import { CertificatesTab } from './instance-certificates.tsx'
import { LogTab } from './instance-log.tsx'
import { SettingsTab } from './instance-settings.tsx'
import { StatusTab } from './instance-status.tsx'

const tabs = {
  status: StatusTab,
  agents: AgentsTab,
  settings: SettingsTab,
  certificates: CertificatesTab,
  log: LogTab,
  account: AccountTab,
} as const
type TabName = keyof typeof tabs

/** This instance itself: who it is, how it is, its agents, settings and keystore. */
export function InstancePage(): ReactNode {
  const search = useSearch({ from: '/signed-in/instance' })
  const navigate = useNavigate({ from: '/instance' })
  const { data: user } = useQuery(me)
  const names = (Object.keys(tabs) as TabName[]).filter(
    (name) => name !== 'log' || (user !== undefined && may(user.grants, 'admin')),
  )
  const tab = names.find((name) => name === search.tab) ?? 'status'
  const Shown = tabs[tab]
  return (
    <>
      <div className="page-head">
        <Title order={1}>{texts.instance.title}</Title>
      </div>
      <Tabs
        value={tab}
        onChange={(to) => void navigate({ search: to === null || to === 'status' ? {} : { tab: to } })}
        keepMounted={false}
      >
        <Tabs.List>
          {names.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {texts.instance.tabs[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab} pt="md">
          <Shown />
        </Tabs.Panel>
      </Tabs>
    </>
  )
}
