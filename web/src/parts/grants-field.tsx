import { ActionIcon, Button, NativeSelect } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { Grant, Role } from '../../../src/contract/index.ts'
import { groups as groupsQuery } from '../api/queries.ts'
import { compareNames } from '../model/overview.ts'
import { texts } from '../texts.ts'
import { Icon } from './icons.tsx'

const { grants: words, roles, roleHints } = texts.administration
const roleNames = Object.keys(roles) as Role[]

/** Edits who may do what where, a line for each grant. `error` is what is wrong with them as a whole. */
export function GrantsField(props: {
  readonly value: readonly Grant[]
  readonly onChange: (value: readonly Grant[]) => void
  readonly error: string | undefined
}): ReactNode {
  const { value, onChange, error } = props
  const { data: groups } = useQuery(groupsQuery)
  const names = [
    ...new Set([
      ...(groups ?? []).map(({ name }) => name),
      ...value.map(({ group }) => group).filter((one) => one !== '*'),
    ]),
  ].toSorted(compareNames)
  const change = (at: number, next: Partial<Grant>): void =>
    onChange(value.map((grant, i) => (i === at ? { ...grant, ...next } : grant)))
  return (
    <fieldset className="grants">
      <legend>{words.title}</legend>
      {value.map((grant, i) => (
        <div key={i} className="grant">
          <NativeSelect
            aria-label={words.role(i + 1)}
            value={grant.role}
            // What was chosen is one of the names offered.
            onChange={(event) => change(i, { role: event.currentTarget.value as Role })}
            data={roleNames.map((role) => ({ value: role, label: roles[role] }))}
          />
          <NativeSelect
            aria-label={words.group(i + 1)}
            value={grant.group}
            onChange={(event) => change(i, { group: event.currentTarget.value })}
            data={[{ value: '*', label: words.everywhere }, ...names]}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={words.remove(i + 1)}
            title={words.remove(i + 1)}
            onClick={() => onChange(value.filter((_, other) => other !== i))}
          >
            <Icon name="remove" />
          </ActionIcon>
          <span className="dim grant-hint">{roleHints[grant.role]}</span>
        </div>
      ))}
      <div>
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => onChange([...value, { role: 'viewer', group: names[0] ?? '*' }])}
        >
          {words.add}
        </Button>
      </div>
      {error === undefined ? null : (
        <p className="bad" role="alert">
          {error}
        </p>
      )}
    </fieldset>
  )
}

/** Grants in one line: `admin everywhere, viewer in acme`. */
export function grantLine(grants: readonly Grant[]): string {
  return grants.length === 0
    ? words.none
    : grants.map(({ role, group }) => texts.instance.account.grant(role, group)).join(', ')
}
