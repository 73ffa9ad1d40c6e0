import { Modal, TextInput, useMantineColorScheme } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { agents as agentsQuery, groups as groupsQuery, me, systems as systemsQuery } from '../api/queries.ts'
import { call } from '../api/call.ts'
import { forgetSession } from '../api/session.ts'
import { may } from '../model/access.ts'
import { findEntries, type Entry } from '../model/palette.ts'
import { Icon } from '../parts/icons.tsx'
import { texts } from '../texts.ts'

const { palette: words } = texts.watch

/** The parts of pages, each with the page it is found on. Those of administrators are offered to no one else. */
const tabs = [
  ...(['profiles', 'library', 'document', 'apply', 'revisions'] as const).map(
    (tab) => ({ to: '/configuration', of: texts.nav.configuration, tab, name: texts.config.tabs[tab] }) as const,
  ),
  { to: '/agents', of: texts.nav.agents, tab: 'associations', name: texts.agents.tabs.associations },
  ...(['tokens', 'maintenance', 'statistics', 'snapshots', 'audit'] as const).map(
    (tab) =>
      ({ to: '/administration', of: texts.nav.administration, tab, name: texts.administration.tabs[tab] }) as const,
  ),
  ...(['role', 'failover', 'settings', 'certificates', 'log', 'account', 'about'] as const).map(
    (tab) => ({ to: '/instance', of: texts.nav.instance, tab, name: texts.instance.tabs[tab] }) as const,
  ),
] as const
const ofAdministrators: readonly string[] = ['audit', 'log']

interface Choice extends Entry {
  readonly go: () => void
}

/** Finds pages, systems, groups, agents and acts by name, with the keyboard alone. */
export function Palette(props: {
  readonly places: readonly { readonly to: string; readonly name: string }[]
  readonly onClose: () => void
}): ReactNode {
  const { places, onClose } = props
  const navigate = useNavigate()
  const { setColorScheme } = useMantineColorScheme()
  const systems = useQuery(systemsQuery)
  const groups = useQuery(groupsQuery)
  const agents = useQuery(agentsQuery)
  const { data: user } = useQuery(me)
  const isAdministrator = user !== undefined && may(user.grants, 'admin', '*')
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const list = useId()
  const shown = useRef<HTMLUListElement>(null)

  const entries = useMemo((): Choice[] => {
    const page = (key: string, name: string, go: () => void): Choice => ({ key, kind: 'page', name, hint: '', go })
    const act = (key: string, name: string, go: () => void): Choice => ({ key, kind: 'act', name, hint: '', go })
    return [
      ...places.map(({ to, name }) => page(to, name, () => void navigate({ to }))),
      act('wall', texts.watch.wall.open, () => void navigate({ to: '/', search: { wall: '1' } })),
      act('light', texts.nav.toLight, () => setColorScheme('light')),
      act('dark', texts.nav.toDark, () => setColorScheme('dark')),
      act('auto', texts.nav.toAuto, () => setColorScheme('auto')),
      act('sign-out', texts.nav.signOut, () => {
        // The session is forgotten here whatever the server says.
        void call('endSession', {})
          .catch(() => undefined)
          .then(forgetSession)
      }),
      ...tabs
        .filter(({ tab }) => isAdministrator || !ofAdministrators.includes(tab))
        .map(
          ({ to, of, tab, name }): Choice => ({
            key: `${to} ${tab}`,
            kind: 'page',
            name,
            hint: of,
            go: () => void navigate({ to, search: { tab } }),
          }),
        ),
      ...(groups.data ?? []).map(({ name }): Choice => ({
        key: `group ${name}`,
        kind: 'group',
        name,
        hint: '',
        go: () => void navigate({ to: '/systems', search: { group: name } }),
      })),
      ...(agents.data ?? []).map(({ id, name }): Choice => ({
        key: `agent ${id}`,
        kind: 'agent',
        name,
        hint: '',
        go: () => void navigate({ to: '/agents/$id', params: { id } }),
      })),
      ...(systems.data ?? []).map(({ id, name, group }): Choice => ({
        key: `system ${id}`,
        kind: 'system',
        name,
        hint: group,
        go: () => void navigate({ to: '/systems/$id', params: { id } }),
      })),
    ]
  }, [places, navigate, setColorScheme, isAdministrator, groups.data, agents.data, systems.data])
  const found = useMemo(() => findEntries(entries, text), [entries, text])
  const chosen = Math.min(at, found.length - 1)
  useEffect(() => {
    shown.current?.children[chosen]?.scrollIntoView({ block: 'nearest' })
  }, [chosen])

  const take = (choice: Choice | undefined): void => {
    if (choice === undefined) return
    onClose()
    choice.go()
  }
  const onKey = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Enter') take(found[chosen])
    else if (event.key === 'ArrowDown') setAt(found.length === 0 ? 0 : (chosen + 1) % found.length)
    else if (event.key === 'ArrowUp') setAt(found.length === 0 ? 0 : (chosen - 1 + found.length) % found.length)
    else return
    event.preventDefault()
  }
  const failed = systems.error ?? groups.error ?? agents.error

  return (
    <Modal
      opened
      onClose={onClose}
      withCloseButton={false}
      size="lg"
      yOffset="12vh"
      aria-label={words.title}
      transitionProps={{ duration: 0 }}
    >
      <TextInput
        data-autofocus
        size="md"
        role="combobox"
        aria-label={words.title}
        aria-expanded={found.length > 0}
        aria-controls={list}
        aria-activedescendant={found.length === 0 ? undefined : `${list}-${chosen}`}
        aria-autocomplete="list"
        placeholder={words.hint}
        leftSection={<Icon name="search" size={16} />}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value)
          setAt(0)
        }}
        onKeyDown={onKey}
      />
      {failed === null ? null : <p className="bad palette-note">{failed.message}</p>}
      {found.length === 0 ? (
        <p className="quiet palette-note" role="status">
          {systems.isPending ? texts.common.loading : words.nothing}
        </p>
      ) : null}
      <ul ref={shown} id={list} role="listbox" aria-label={words.title} className="palette">
        {found.map((choice, i) => (
          <li
            key={choice.key}
            id={`${list}-${i}`}
            role="option"
            aria-selected={i === chosen}
            onPointerMove={() => setAt(i)}
            onClick={() => take(choice)}
          >
            <span className="ellipsis">{choice.name}</span>
            <span className="dim ellipsis">{choice.hint}</span>
            <span className="dim palette-kind">{words.kinds[choice.kind]}</span>
          </li>
        ))}
      </ul>
    </Modal>
  )
}
