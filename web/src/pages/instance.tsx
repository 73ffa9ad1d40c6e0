import { Tabs, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { instance, me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { TabBar } from '../parts/tab-bar.tsx'
import { texts } from '../texts.ts'
import { AboutTab } from './instance-about.tsx'
import { AccountTab } from './instance-account.tsx'
import { CertificatesTab } from './instance-certificates.tsx'
import { FailoverTab } from './instance-failover.tsx'
import { LogTab } from './instance-log.tsx'
import { RoleTab } from './instance-role.tsx'
import { SettingsTab } from './instance-settings.tsx'
import { StatusTab } from './instance-status.tsx'

const tabs = {
  status: StatusTab,
  role: RoleTab,
  failover: FailoverTab,
  settings: SettingsTab,
  certificates: CertificatesTab,
  log: LogTab,
  account: AccountTab,
  about: AboutTab,
} as const
type TabName = keyof typeof tabs

/** This instance itself: who it is, how it is, its role, settings and keystore. Of an agent, what is its own. */
export function InstancePage(): ReactNode {
  const search = useSearch({ from: '/signed-in/instance' })
  const navigate = useNavigate({ from: '/instance' })
  const { data: user } = useQuery(me)
  const { data: here } = useQuery(instance)
  const names = (Object.keys(tabs) as TabName[]).filter((name) => {
    if (name === 'log') return user !== undefined && may(user.grants, 'admin')
    // How a server is; of an agent that is on its own page.
    return (name !== 'status' && name !== 'failover') || here?.roles.server !== false
  })
  const first = names[0] ?? 'role'
  const tab = names.find((name) => name === search.tab) ?? first
  const Shown = tabs[tab]
  return (
    <>
      <div className="page-head">
        <Title order={1}>{texts.instance.title}</Title>
      </div>
      <Tabs
        value={tab}
        onChange={(to) => void navigate({ search: to === null || to === first ? {} : { tab: to } })}
        keepMounted={false}
      >
        <TabBar names={names} chosen={tab} words={texts.instance.tabs} />
        <Tabs.Panel value={tab} pt="md">
          <Shown />
        </Tabs.Panel>
      </Tabs>
    </>
  )
}
