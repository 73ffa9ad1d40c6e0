import { ActionIcon, useMantineColorScheme } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, Outlet, useMatches, useNavigate, useRouterState } from '@tanstack/react-router'
import { lazy, Suspense, useCallback, useEffect, useRef, useState, type ReactNode } from 'react'
import type { Instance } from '../../../src/contract/index.ts'
import { followEvents, useLiveState, type LiveState } from '../api/live.ts'
import { followWith } from '../api/follow.ts'
import { connection, instance, me, status } from '../api/queries.ts'
import { onSession, session } from '../api/session.ts'
import { formatMomentShort } from '../format/times.ts'
import { countAlarms } from '../model/overview.ts'
import { Brand } from '../parts/brand.tsx'
import { Icon, type IconName } from '../parts/icons.tsx'
import { Failure, Waiting } from '../parts/states.tsx'
import { useNow } from '../parts/use-now.ts'
import { texts } from '../texts.ts'
import { useKeys } from './use-keys.ts'

const places = [
  { to: '/', icon: 'overview', name: texts.nav.overview },
  { to: '/systems', icon: 'systems', name: texts.nav.systems },
  { to: '/alarms', icon: 'alarms', name: texts.nav.alarms },
  { to: '/explore', icon: 'metrics', name: texts.nav.metrics },
  { to: '/dashboards', icon: 'dashboards', name: texts.nav.dashboards },
  { to: '/agents', icon: 'agents', name: texts.nav.agents },
  { to: '/configuration', icon: 'configuration', name: texts.nav.configuration },
  { to: '/plugins', icon: 'plugins', name: texts.nav.plugins },
  { to: '/administration', icon: 'user', name: texts.nav.administration },
  { to: '/instance', icon: 'instance', name: texts.nav.instance },
] as const satisfies readonly Place[]

/** An agent has nothing to show but itself. */
const agentPlaces = [
  { to: '/', icon: 'agents', name: texts.role.page.title },
  { to: '/instance', icon: 'instance', name: texts.nav.instance },
] as const satisfies readonly Place[]

interface Place {
  readonly to: string
  readonly icon: IconName
  readonly name: string
}

const AccountMenu = lazy(async () => ({ default: (await import('./account-menu.tsx')).AccountMenu }))
const Palette = lazy(async () => ({ default: (await import('./palette.tsx')).Palette }))
const OwnAgentPage = lazy(async () => ({ default: (await import('../pages/own-agent.tsx')).OwnAgentPage }))

/** What frames every page: where one is, whether what is shown is live, and who is signed in. */
export function Shell(): ReactNode {
  const client = useQueryClient()
  const navigate = useNavigate()
  const here = useRouterState({ select: (state) => state.location.href })
  const ownAddress = useRouterState({ select: (state) => state.location.publicHref })
  const own = useQuery(instance)
  const isServer = own.data?.roles.server
  const live = useLiveState()
  const [paletteShown, setPaletteShown] = useState(false)
  const openPalette = useCallback(() => setPaletteShown(true), [])
  useKeys(openPalette)
  // The wall board is the overview without all that frames it.
  const isWall = useRouterState({ select: ({ location }) => location.pathname === '/' && 'wall' in location.search })

  useEffect(() => {
    if (isServer !== true) return
    const follower = followWith(client)
    const stopFollowing = followEvents(follower)
    return () => {
      stopFollowing()
      follower.stop()
    }
  }, [client, isServer])

  // It may have broken off because this is no server any more.
  useEffect(() => {
    if (live.is === 'broken') void client.invalidateQueries({ queryKey: instance.queryKey })
  }, [client, live])

  // A session that ends while a page is open (expired, signed out in another tab) leads through signing in and back here.
  useEffect(
    () =>
      onSession(() => {
        if (session() === null) void navigate({ to: '/sign-in', search: { return: here }, replace: true })
      }),
    [navigate, here],
  )

  return (
    <div className={isWall ? 'shell shell-wall' : 'shell'}>
      <a className="skip" href={`${ownAddress}#content`} onClick={skipToContent}>
        {texts.nav.skip}
      </a>
      <header className="bar">
        <Link to="/" className="brand">
          <Brand />
        </Link>
        {isServer === true ? (
          <ServerPlaces />
        ) : isServer === false ? (
          <Places of={agentPlaces} />
        ) : (
          <span className="places" />
        )}
        <div className="bar-end">
          {isServer === false ? <AgentLiveMark /> : <LiveMark is={live.is} />}
          {isServer === true ? (
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              aria-label={texts.watch.palette.title}
              title={texts.watch.palette.open}
              onClick={openPalette}
            >
              <Icon name="search" />
            </ActionIcon>
          ) : null}
          <ColourToggle />
          <Account />
        </div>
      </header>
      {paletteShown && isServer === true ? (
        <Suspense fallback={null}>
          <Palette places={places} onClose={() => setPaletteShown(false)} />
        </Suspense>
      ) : null}
      <StaleBanner />
      {own.data === undefined ? null : <NotActiveBanner here={own.data} />}
      <main id="content" tabIndex={-1} className="content">
        {own.data !== undefined ? (
          <Content here={own.data} />
        ) : own.error === null ? (
          <Waiting />
        ) : (
          <Failure error={own.error} again={() => void own.refetch()} />
        )}
      </main>
    </div>
  )
}

// The link's own target would be resolved against the document's base instead of this page.
function skipToContent(event: { preventDefault(): void }): void {
  event.preventDefault()
  document.getElementById('content')?.focus()
}

/**
 * The page that was asked for. Of an agent only what is its own, whatever was asked for: the address stays, and leads where it led once this
 * is a server again.
 */
function Content({ here }: { here: Instance }): ReactNode {
  const isInstance = useMatches({
    select: (matches) => matches.some(({ routeId }) => routeId === '/signed-in/instance'),
  })
  if (here.roles.server || isInstance) return <Outlet />
  return (
    <Suspense fallback={<Waiting />}>
      <OwnAgentPage here={here} />
    </Suspense>
  )
}

function ServerPlaces(): ReactNode {
  const { data } = useQuery(status)
  const open = data === undefined ? 0 : countAlarms(data.alarms)
  const pending = data?.agents.pending ?? 0
  return (
    <Places
      of={places}
      counts={{
        ...(open > 0 ? { '/alarms': { n: open, look: `sev-${data!.worst}` } } : {}),
        ...(pending > 0 ? { '/agents': { n: pending, look: 'sev-WARNING', title: texts.nav.pending(pending) } } : {}),
      }}
    />
  )
}

function Places(props: {
  of: readonly Place[]
  counts?: Readonly<Record<string, { readonly n: number; readonly look: string; readonly title?: string }>>
}): ReactNode {
  const path = useRouterState({ select: ({ location }) => location.pathname })
  const nav = useRef<HTMLElement>(null)
  // On a phone there are more than fit.
  useEffect(() => {
    nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [path])
  return (
    <nav ref={nav} className="places" aria-label={texts.nav.main}>
      {props.of.map(({ to, icon, name }) => {
        const count = props.counts?.[to]
        return (
          <Link
            key={to}
            to={to}
            className="place"
            activeOptions={{ exact: to === '/', includeSearch: false }}
            activeProps={{ 'aria-current': 'page' }}
          >
            <Icon name={icon} />
            <span className="place-name">{name}</span>
            {count === undefined ? null : (
              <span className={`count ${count.look}`} title={count.title}>
                {count.n.toLocaleString('en')}
              </span>
            )}
          </Link>
        )
      })}
    </nav>
  )
}

function LiveMark({ is }: { is: LiveState['is'] }): ReactNode {
  const text = { live: texts.live.live, connecting: texts.live.connecting, broken: texts.live.broken }[is]
  return (
    <span className={`live live-${is}`} title={is === 'live' ? texts.live.liveHint : undefined}>
      <span className="live-dot" aria-hidden="true" />
      <span className="live-text">{text}</span>
    </span>
  )
}

/** An agent announces nothing: it is asked every two seconds instead. */
function AgentLiveMark(): ReactNode {
  const { data, error } = useQuery(connection)
  return <LiveMark is={error !== null ? 'broken' : data === undefined ? 'connecting' : 'live'} />
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

/** On a server that does not act in its pair: that it does not, and where the one is that does. */
function NotActiveBanner({ here: { failover } }: { here: Instance }): ReactNode {
  if (failover === null || failover.acts) return null
  const { banner, activeServer, activeUnknown, toPair } = texts.failover
  return (
    <div className="stale-banner" role="status">
      {banner[failover.state]}{' '}
      {failover.activeUrl === null ? (
        activeUnknown
      ) : (
        <>
          {activeServer}: <a href={failover.activeUrl}>{failover.activeUrl}</a>.
        </>
      )}{' '}
      <Link to="/instance" search={{ tab: 'failover' }}>
        {toPair}
      </Link>
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

/** The menu comes when it is first asked for: what floats over a page is a tenth of what the first one weighs. */
function Account(): ReactNode {
  const { data } = useQuery(me)
  const [wanted, setWanted] = useState(false)
  const button = (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={texts.nav.account(data?.username ?? '')}
      aria-haspopup="menu"
      aria-expanded={false}
      onClick={() => setWanted(true)}
    >
      <Icon name="user" />
    </ActionIcon>
  )
  if (!wanted) return button
  return (
    <Suspense fallback={button}>
      <AccountMenu username={data?.username} />
    </Suspense>
  )
}
