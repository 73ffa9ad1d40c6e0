import { Tabs, Title } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { TabBar } from '../parts/tab-bar.tsx'
import { texts } from '../texts.ts'
import { ApplyTab } from './configuration-apply.tsx'
import { DocumentTab } from './configuration-document.tsx'
import { LibraryTab } from './configuration-library.tsx'
import { ProfilesTab } from './configuration-profiles.tsx'
import { RevisionsTab } from './configuration-revisions.tsx'
import { SystemsTab } from './configuration-systems.tsx'

const tabs = ['systems', 'profiles', 'library', 'document', 'apply', 'revisions'] as const

/** What is watched and how: object by object, or as one document; and its past. */
export function ConfigurationPage(): ReactNode {
  const search = useSearch({ from: '/signed-in/configuration' })
  const navigate = useNavigate({ from: '/configuration' })
  // Kept here, so that looking at the document once more does not lose what was typed.
  const [draft, setDraft] = useState('')
  const tab = tabs.find((one) => one === search.tab) ?? 'systems'
  const go = (to: string | null): void => void navigate({ search: to === null || to === 'systems' ? {} : { tab: to } })
  return (
    <>
      <div className="page-head">
        <Title order={1}>{texts.configuration.title}</Title>
      </div>
      <Tabs value={tab} onChange={go} keepMounted={false}>
        <TabBar names={tabs} chosen={tab} words={texts.config.tabs} />
        <Tabs.Panel value="systems" pt="md">
          <SystemsTab />
        </Tabs.Panel>
        <Tabs.Panel value="profiles" pt="md">
          <ProfilesTab />
        </Tabs.Panel>
        <Tabs.Panel value="library" pt="md">
          <LibraryTab />
        </Tabs.Panel>
        <Tabs.Panel value="document" pt="md">
          <DocumentTab
            edit={(text) => {
              setDraft(text)
              go('apply')
            }}
          />
        </Tabs.Panel>
        <Tabs.Panel value="apply" pt="md">
          <ApplyTab draft={draft} setDraft={setDraft} />
        </Tabs.Panel>
        <Tabs.Panel value="revisions" pt="md">
          <RevisionsTab />
        </Tabs.Panel>
      </Tabs>
    </>
  )
}
