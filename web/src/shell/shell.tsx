import { ActionIcon, Menu, useMantineColorScheme } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import { useEffect, type ReactNode } from 'react'
import { call } from '../api/call.ts'
import { followEvents, useLiveState } from '../api/live.ts'
import { followWith, me, status } from '../api/queries.ts'
import { forgetSession, onSession, session } from '../api/session.ts'
import { formatMomentShort } from '../format/times.ts'
import { countAlarms } from '../model/overview.ts'
import { Brand } from '../parts/brand.tsx'
import { Icon, type IconName } from '../parts/icons.tsx'
import { useNow } from '../parts/use-now.ts'
import { texts } from '../texts.ts'
import { useKeys } from './use-keys.ts'

const places = [
  { to: '/', icon: 'overview', name: texts.nav.overview },
  { to: '/alarms', icon: 'alarms', name: texts.nav.alarms },
  { to: '/configuration', icon: 'configuration', name: texts.nav.configuration },
  { to: '/plugins', icon: 'plugins', name: texts.nav.plugins },
  { to: '/instance', icon: 'instance', name: texts.nav.instance },
] as const satisfies readonly { to: string; icon: IconName; name: string }[]

/** What frames every page: where one is, whether what is shown is live, and who is signed in. */
export function Shell(): ReactNode {
  const client = useQueryClient()
  const navigate = useNavigate()
  const here = useRouterState({ select: (state) => state.location.href })
  useKeys()

  useEffect(() => {
    const follower = followWith(client)
    const stopFollowing = followEvents(follower)
    return () => {
      stopFollowing()
      follower.stop()
    }
  }, [client])

  // A session that ends while a page is open (expired, signed out in another tab) leads through signing in and back here.
  useEffect(
    () =>
      onSession(() => {
        if (session() === null) void navigate({ to: '/sign-in', search: { return: here }, replace: true })
      }),
    [navigate, here],
  )

  return (
    <div className="shell">
      <a className="skip" href={`${here}#content`} onClick={skipToContent}>
        {texts.nav.skip}
      </a>
      <header className="bar">
        <Link to="/" className="brand">
          <Brand />
        </Link>
        <Places />
        <div className="bar-end">
          <LiveMark />
          <ColourToggle />
          <Account />
        </div>
      </header>
      <StaleBanner />
      <main id="content" tabIndex={-1} className="content">
        <Outlet />
      </main>
    </div>
  )
}

// The link's own target would be resolved against the document's base instead of this page.
function skipToContent(event: { preventDefault(): void }): void {
  event.preventDefault()
  document.getElementById('content')?.focus()
}

function Places(): ReactNode {
  const { data } = useQuery(status)
  const open = data === undefined ? 0 : countAlarms(data.alarms)
  return (
    <nav className="places" aria-label={texts.nav.main}>
      {places.map(({ to, icon, name }) => (
        <Link
          key={to}
          to={to}
          className="place"
          activeOptions={{ exact: to === '/', includeSearch: false }}
          activeProps={{ 'aria-current': 'page' }}
        >
          <Icon name={icon} />
          <span className="place-name">{name}</span>
          {to === '/alarms' && open > 0 ? (
            <span className={`count sev-${data!.worst}`}>{open.toLocaleString('en')}</span>
          ) : null}
        </Link>
      ))}
    </nav>
  )
}

function LiveMark(): ReactNode {
  const live = useLiveState()
  const text = { live: texts.live.live, connecting: texts.live.connecting, broken: texts.live.broken }[live.is]
  return (
    <span className={`live live-${live.is}`} title={live.is === 'live' ? texts.live.liveHint : undefined}>
      <span className="live-dot" aria-hidden="true" />
      <span className="live-text">{text}</span>
    </span>
  )
}

function StaleBanner(): ReactNode {
  const live = useLiveState()
  const now = useNow(60_000)
  if (live.is !== 'broken') return null
  return (
    <div className="stale-banner" role="status">
      {texts.live.brokenSince(formatMomentShort(live.since, now))}
    </div>
  )
}

function ColourToggle(): ReactNode {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const next = { auto: 'dark', dark: 'light', light: 'auto' } as const
  const label = { dark: texts.nav.toDark, light: texts.nav.toLight, auto: texts.nav.toAuto }[next[colorScheme]]
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={label}
      title={label}
      onClick={() => setColorScheme(next[colorScheme])}
    >
      <Icon name={colorScheme === 'dark' ? 'moon' : 'sun'} />
    </ActionIcon>
  )
}

function Account(): ReactNode {
  const { data } = useQuery(me)
  const signOut = async (): Promise<void> => {
    // The session is forgotten here whatever the server says; a server out of reach must not keep one signed in.
    await call('endSession', {}).catch(() => undefined)
    forgetSession()
  }
  return (
    <Menu position="bottom-end" width={200}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={texts.nav.account(data?.username ?? '')}>
          <Icon name="user" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{data?.username ?? texts.common.loading}</Menu.Label>
        <Menu.Item renderRoot={(props) => <Link to="/instance" search={{ tab: 'account' }} {...props} />}>
          {texts.instance.tabs.account}
        </Menu.Item>
        <Menu.Item component="a" href="api/docs" target="_blank" rel="noreferrer">
          {texts.nav.apiDocs}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => void signOut()}>{texts.nav.signOut}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
