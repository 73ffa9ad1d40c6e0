import { Button, Checkbox, Modal, NativeSelect, Table, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { Grant } from '../../../src/contract/index.ts'
import { tokens as tokensQuery } from '../api/admin-queries.ts'
import { call, type Answer } from '../api/call.ts'
import { me } from '../api/queries.ts'
import { Command } from '../parts/copy-text.tsx'
import { fieldError } from '../parts/field-error.ts'
import { GrantsField, grantLine } from '../parts/grants-field.tsx'
import { Ago, When } from '../parts/marks.tsx'
import { Empty, Failure, Present } from '../parts/states.tsx'
import { ActsTable } from '../parts/acts-table.tsx'
import { ConfirmRemoval } from '../parts/confirm-removal.tsx'
import { DialogButtons } from '../parts/form-buttons.tsx'
import { texts } from '../texts.ts'

const { tokens: words } = texts.administration

type Token = Answer<'listTokens'>[number]

/** API tokens: one's own; for an administrator everybody's. */
export function TokensTab(): ReactNode {
  const tokens = useQuery(tokensQuery)
  const [making, make] = useState(false)
  const [leaving, leave] = useState<Token | undefined>()
  return (
    <>
      <div className="filters">
        <span className="dim grow wide-only">{words.hint}</span>
        <Button size="sm" onClick={() => make(true)}>
          {words.add}
        </Button>
      </div>
      <Present query={tokens}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={words.empty} hint={words.emptyHint} />
          ) : (
            <ActsTable columns={[words.name, words.owner, words.grants, words.expires, words.used]} minWidth={640}>
              {rows.map((token) => (
                <Table.Tr key={token.id}>
                  <Table.Td className="break">
                    <strong>{token.name}</strong>
                  </Table.Td>
                  <Table.Td className="break" data-label={words.owner}>
                    {token.username}
                  </Table.Td>
                  <Table.Td>{grantLine(token.grants)}</Table.Td>
                  <Table.Td className="nowrap" data-label={words.expires}>
                    {token.expiresAt === null ? words.never : <When at={token.expiresAt} />}
                  </Table.Td>
                  <Table.Td className="nowrap" data-label={words.used}>
                    {token.lastUsedAt === null ? (
                      <span className="dim">{words.notUsed}</span>
                    ) : (
                      <Ago at={token.lastUsedAt} />
                    )}
                  </Table.Td>
                  <Table.Td ta="right">
                    <Button
                      size="compact-sm"
                      variant="default"
                      aria-label={words.revokeOf(token.name)}
                      onClick={() => leave(token)}
                    >
                      {words.revoke}
                    </Button>
                  </Table.Td>
                </Table.Tr>
              ))}
            </ActsTable>
          )
        }
      </Present>
      {making ? <MakeToken onClose={() => make(false)} /> : null}
      <ConfirmRemoval
        what={leaving}
        remove={({ id }) => call('removeToken', { params: { id } })}
        changes={['tokens']}
        title={({ name }) => words.revokeTitle(name)}
        removed={({ name }) => words.revoked(name)}
        act={words.revoke}
        text={words.revokeText}
        onClose={() => leave(undefined)}
      />
    </>
  )
}

/** The form, and in its place what came of it: the only time that the token is shown. */
function MakeToken({ onClose }: { onClose: () => void }): ReactNode {
  const client = useQueryClient()
  const { data: own } = useQuery(me)
  const [name, setName] = useState('')
  const [expiresIn, setExpiresIn] = useState('90d')
  const [narrowed, setNarrowed] = useState<readonly Grant[] | undefined>()
  const [tried, setTried] = useState(false)
  const make = useMutation({
    mutationFn: () =>
      call('createToken', {
        body: {
          name,
          ...(expiresIn === '' ? {} : { expiresIn }),
          ...(narrowed === undefined ? {} : { grants: [...narrowed] }),
        },
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['tokens'] }),
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    setTried(true)
    if (narrowed === undefined || narrowed.length > 0) make.mutate()
  }
  if (make.data !== undefined) {
    return (
      <Modal opened onClose={onClose} title={words.made(make.data.name)} size="lg" closeOnClickOutside={false}>
        <p className="note">{words.once}</p>
        <Command text={make.data.token} label={words.token} />
        <div className="act-buttons act-end card-acts">
          <Button onClick={onClose}>{words.done}</Button>
        </div>
      </Modal>
    )
  }
  return (
    <Modal opened onClose={onClose} title={words.add} size="lg">
      <form onSubmit={submit} className="act-form">
        {make.error === null ? null : <Failure error={make.error} title={words.add} />}
        <TextInput
          label={words.name}
          description={words.nameHint}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={fieldError(make.error, 'name')}
          required
          withAsterisk={false}
          data-autofocus
        />
        <NativeSelect
          label={words.expiry}
          value={expiresIn}
          onChange={(event) => setExpiresIn(event.currentTarget.value)}
          data={Object.entries(words.lifetimes).map(([value, label]) => ({ value, label }))}
        />
        <Checkbox
          label={words.narrower}
          checked={narrowed !== undefined}
          onChange={(event) => setNarrowed(event.currentTarget.checked ? (own?.grants ?? []) : undefined)}
        />
        {narrowed === undefined ? null : (
          <GrantsField
            value={narrowed}
            onChange={setNarrowed}
            error={
              tried && narrowed.length === 0 ? texts.administration.grants.needed : fieldError(make.error, 'grants')
            }
          />
        )}
        <DialogButtons act={words.add} pending={make.isPending} onCancel={onClose} />
      </form>
    </Modal>
  )
}
