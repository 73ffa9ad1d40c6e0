import { ActionIcon, Menu, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import type { Agent } from '../../../src/contract/index.ts'
import { call, callText } from '../api/call.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Icon } from '../parts/icons.tsx'
import { saveFile } from '../parts/save-file.ts'
import { texts } from '../texts.ts'
import { DrainDialog } from './agent-drain.tsx'

const { agents: words } = texts

type Act = 'rename' | 'activate' | 'deactivate' | 'undrain' | 'rekey' | 'remove'
type Asked = 'rename' | 'deactivate' | 'rekey' | 'remove' | 'drain'

/**
 * What an administrator may do with an accepted agent, behind one button. What is behind it is made when it is first pressed: a list may have
 * a thousand of them.
 */
export function AgentActs({ agent }: { agent: Agent }): ReactNode {
  const [wanted, want] = useState(false)
  if (wanted) return <Acts agent={agent} />
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={words.acts.of(agent.name)}
      title={words.acts.of(agent.name)}
      aria-haspopup="menu"
      aria-expanded={false}
      onClick={() => want(true)}
    >
      <Icon name="more" />
    </ActionIcon>
  )
}

/** Begins opened. What is not taken back easily is asked about first. */
function Acts({ agent }: { agent: Agent }): ReactNode {
  const client = useQueryClient()
  const navigate = useNavigate()
  const [asked, setAsked] = useState<Asked | undefined>()
  const [name, setName] = useState(agent.name)
  const act = useMutation({
    mutationFn: (given: Act) => send(given, agent.id, name.trim()),
    onSuccess: async (_, done) => {
      setAsked(undefined)
      notifications.show({ message: `${agent.name}: ${words.done[done]}`, color: 'petrol' })
      if (done === 'remove') await navigate({ to: '/agents', search: (old) => old, replace: true })
      await client.invalidateQueries()
    },
    onError: (error, tried) => {
      // What was asked about shows the refusal where it was asked; the rest has no other place.
      if (tried === 'activate' || tried === 'undrain')
        notifications.show({ message: `${agent.name}: ${error.message}`, color: 'red', autoClose: false })
    },
  })
  const log = useMutation({
    mutationFn: () => callText('showAgentLogs', { params: { id: agent.id }, query: {} }),
    onSuccess: (content) => saveFile(content, `farwatch-${agent.name}.log`),
    onError: (error) =>
      notifications.show({ message: `${agent.name}: ${error.message}`, color: 'red', autoClose: false }),
  })
  const ask = (what: Asked): void => {
    act.reset()
    setName(agent.name)
    setAsked(what)
  }
  const close = (): void => setAsked(undefined)
  const dialog = (what: Asked & Act): Omit<Parameters<typeof Confirm>[0], 'title' | 'children'> => ({
    opened: asked === what,
    act: words.acts[what],
    pending: act.isPending,
    error: act.error,
    onConfirm: () => act.mutate(what),
    onClose: close,
  })
  return (
    <>
      <Menu position="bottom-end" width={220} defaultOpened>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            loading={log.isPending}
            aria-label={words.acts.of(agent.name)}
            title={words.acts.of(agent.name)}
          >
            <Icon name="more" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {agent.local ? null : <Menu.Item onClick={() => ask('rename')}>{words.acts.rename}</Menu.Item>}
          {agent.admin === 'OFF' ? (
            <Menu.Item onClick={() => act.mutate('activate')}>{words.acts.activate}</Menu.Item>
          ) : (
            <Menu.Item onClick={() => ask('deactivate')}>{words.acts.deactivate}</Menu.Item>
          )}
          <Menu.Item onClick={() => ask('drain')}>
            {agent.drain === 'none' ? `${words.acts.drain}…` : words.acts.watchDrain}
          </Menu.Item>
          {agent.drain === 'none' ? null : (
            <Menu.Item onClick={() => act.mutate('undrain')}>{words.acts.undrain}</Menu.Item>
          )}
          <Menu.Item onClick={() => log.mutate()}>{words.acts.logs}</Menu.Item>
          {agent.local ? null : (
            <>
              <Menu.Item onClick={() => ask('rekey')}>{words.acts.rekey}</Menu.Item>
              <Menu.Divider />
              <Menu.Item color="red" onClick={() => ask('remove')}>
                {words.acts.remove}…
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      <Confirm {...dialog('rename')} title={words.rename.title(agent.name)}>
        <TextInput
          label={words.rename.name}
          description={words.rename.hint(agent.groups)}
          value={name}
          maxLength={200}
          spellCheck={false}
          onChange={(event) => setName(event.currentTarget.value)}
        />
      </Confirm>
      <Confirm {...dialog('deactivate')} title={words.deactivate.title(agent.name)}>
        <p>{words.deactivate.text(agent.groups)}</p>
      </Confirm>
      <Confirm {...dialog('rekey')} title={words.rekey.title(agent.name)}>
        <p>{words.rekey.text}</p>
      </Confirm>
      <Confirm {...dialog('remove')} title={words.remove.title(agent.name)} dangerous>
        <ul className="plain-list">
          <li>{words.remove.revoked}</li>
          <li>{words.remove.groups(agent.groups)}</li>
          {agent.spool === null || agent.spool.entries === 0 ? null : (
            <li>{words.remove.spool(agent.spool.entries)}</li>
          )}
          <li>{words.remove.again}</li>
        </ul>
      </Confirm>
      {asked === 'drain' ? <DrainDialog agent={agent} onClose={close} /> : null}
    </>
  )
}

async function send(act: Act, id: string, name: string): Promise<void> {
  const params = { id }
  switch (act) {
    case 'rename':
      await call('renameAgent', { params, body: { name } })
      return
    case 'activate':
      await call('activateAgent', { params })
      return
    case 'deactivate':
      await call('deactivateAgent', { params })
      return
    case 'undrain':
      await call('undrainAgent', { params })
      return
    case 'rekey':
      await call('rekeyAgent', { params })
      return
    case 'remove':
      await call('removeAgent', { params })
  }
}
