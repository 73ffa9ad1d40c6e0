import { Button, Modal, PasswordInput, Table, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useState, type FormEvent, type ReactNode } from 'react'
import type { Grant, User } from '../../../src/contract/index.ts'
import { users as usersQuery } from '../api/admin-queries.ts'
import { call } from '../api/call.ts'
import { me } from '../api/queries.ts'
import { fieldError } from '../parts/field-error.ts'
import { FilterText } from '../parts/filter-text.tsx'
import { GrantsField, grantLine } from '../parts/grants-field.tsx'
import { Ago, When } from '../parts/marks.tsx'
import { Empty, Failure, Present } from '../parts/states.tsx'
import { ActsTable } from '../parts/acts-table.tsx'
import { ConfirmRemoval } from '../parts/confirm-removal.tsx'
import { DialogButtons } from '../parts/form-buttons.tsx'
import { texts } from '../texts.ts'

const { users: words } = texts.administration

/** Every user of this instance: added, given roles in groups, given another password, removed. */
export function UsersTab(): ReactNode {
  const search = useSearch({ from: '/signed-in/administration' })
  const navigate = useNavigate({ from: '/administration' })
  const users = useQuery(usersQuery)
  const { data: own } = useQuery(me)
  const [edited, edit] = useState<User | 'new' | undefined>()
  const [leaving, leave] = useState<User | undefined>()
  const text = (search.text ?? '').toLowerCase()
  const filter = useCallback(
    (value: string) => void navigate({ search: (old) => ({ ...old, text: value }), replace: true }),
    [navigate],
  )
  return (
    <Present query={users}>
      {(all) => {
        const rows = all.filter((user) => `${user.username} ${grantLine(user.grants)}`.toLowerCase().includes(text))
        return (
          <>
            <div className="filters">
              <FilterText label={words.filter} value={search.text ?? ''} onChange={filter} />
              <span className="dim grow" role="status">
                {words.shown(rows.length)}
              </span>
              <Button size="sm" onClick={() => edit('new')}>
                {words.add}
              </Button>
            </div>
            {rows.length === 0 ? (
              <Empty title={words.nothingFound} />
            ) : (
              <ActsTable columns={[words.username, words.grants, words.seen, words.created]} minWidth={560}>
                {rows.map((user) => (
                  <Table.Tr key={user.username}>
                    <Table.Td className="break">
                      <strong>{user.username}</strong>{' '}
                      {user.username === own?.username ? <span className="dim">({words.you})</span> : null}
                    </Table.Td>
                    <Table.Td>{grantLine(user.grants)}</Table.Td>
                    <Table.Td className="nowrap" data-label={words.seen}>
                      {user.lastSeenAt === null ? (
                        <span className="dim">{words.never}</span>
                      ) : (
                        <Ago at={user.lastSeenAt} />
                      )}
                    </Table.Td>
                    <Table.Td className="nowrap" data-label={words.created}>
                      <When at={user.createdAt} />
                    </Table.Td>
                    <Table.Td ta="right">
                      <span className="tools tools-line">
                        <Button
                          size="compact-sm"
                          variant="default"
                          aria-label={words.editOf(user.username)}
                          onClick={() => edit(user)}
                        >
                          {words.edit}
                        </Button>
                        <Button
                          size="compact-sm"
                          variant="default"
                          aria-label={words.removeOf(user.username)}
                          onClick={() => leave(user)}
                        >
                          {words.remove}
                        </Button>
                      </span>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </ActsTable>
            )}
            {edited === undefined ? null : (
              <UserDialog user={edited === 'new' ? undefined : edited} onClose={() => edit(undefined)} />
            )}
            <ConfirmRemoval
              what={leaving}
              remove={({ username }) => call('removeUser', { params: { username } })}
              changes={[]}
              title={({ username }) => words.removeTitle(username)}
              removed={({ username }) => words.removed(username)}
              act={words.remove}
              text={words.removeText}
              onClose={() => leave(undefined)}
            />
          </>
        )
      }}
    </Present>
  )
}

const shortest = 10

function UserDialog({ user, onClose }: { user: User | undefined; onClose: () => void }): ReactNode {
  const client = useQueryClient()
  const [username, setUsername] = useState(user?.username ?? '')
  const [password, setPassword] = useState('')
  const [grants, setGrants] = useState<readonly Grant[]>(user?.grants ?? [{ group: '*', role: 'viewer' }])
  const [tried, setTried] = useState(false)
  const save = useMutation({
    mutationFn: () =>
      user === undefined
        ? call('createUser', { body: { username, password, grants: [...grants] } })
        : call('updateUser', {
            params: { username: user.username },
            body: { grants: [...grants], ...(password === '' ? {} : { password }) },
          }),
    onSuccess: (saved) => {
      notifications.show({
        message: user === undefined ? words.added(saved.username) : words.saved(saved.username),
        color: 'petrol',
      })
      onClose()
      // Whoever changes one's own grants sees another portal.
      return client.invalidateQueries()
    },
  })
  const tooShort = password.length < shortest && (user === undefined || password !== '')
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    setTried(true)
    if (!tooShort && grants.length > 0) save.mutate()
  }
  const title = user === undefined ? words.add : words.editOf(user.username)
  return (
    <Modal opened onClose={onClose} title={title} size="lg">
      <form onSubmit={submit} className="act-form">
        {save.error === null ? null : <Failure error={save.error} title={title} />}
        {user === undefined ? (
          <TextInput
            label={words.username}
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
            error={fieldError(save.error, 'username')}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            required
            withAsterisk={false}
            data-autofocus
          />
        ) : null}
        <PasswordInput
          label={user === undefined ? words.password : words.newPassword}
          description={user === undefined ? texts.setUp.passwordHint : words.keepPassword}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={tried && tooShort ? texts.setUp.tooShort : fieldError(save.error, 'password')}
          autoComplete="new-password"
        />
        <GrantsField
          value={grants}
          onChange={setGrants}
          error={tried && grants.length === 0 ? texts.administration.grants.needed : fieldError(save.error, 'grants')}
        />
        <DialogButtons
          act={user === undefined ? words.add : texts.common.save}
          pending={save.isPending}
          onCancel={onClose}
        />
      </form>
    </Modal>
  )
}
