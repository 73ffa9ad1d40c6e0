import { ActionIcon, Menu } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { call } from '../api/call.ts'
import { forgetSession } from '../api/session.ts'
import { Icon } from '../parts/icons.tsx'
import { texts } from '../texts.ts'

/** What concerns the one who is signed in; open from the beginning. */
export function AccountMenu({ username }: { username: string | undefined }): ReactNode {
  const signOut = async (): Promise<void> => {
    // The session is forgotten here whatever the server says; a server out of reach must not keep one signed in.
    await call('endSession', {}).catch(() => undefined)
    forgetSession()
  }
  return (
    <Menu position="bottom-end" width={200} defaultOpened>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={texts.nav.account(username ?? '')}>
          <Icon name="user" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{username ?? texts.common.loading}</Menu.Label>
        <Menu.Item renderRoot={(props) => <Link to="/instance" search={{ tab: 'account' }} {...props} />}>
          {texts.instance.tabs.account}
        </Menu.Item>
        <Menu.Item renderRoot={(props) => <Link to="/first-steps" {...props} />}>{texts.firstSteps.title}</Menu.Item>
        <Menu.Item component="a" href="api/docs" target="_blank" rel="noreferrer">
          {texts.nav.apiDocs}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => void signOut()}>{texts.nav.signOut}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
