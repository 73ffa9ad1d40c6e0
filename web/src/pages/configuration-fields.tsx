import { Checkbox, NativeSelect, Radio, Switch, TextInput, Textarea } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { ConfigurationDocument, ObjectPlace } from '../../../src/contract/index.ts'
import { agents as agentsQuery, me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import type { ObjectKind } from '../model/configuration-tree.ts'
import { asName, credentialTypesOf, fieldParams, settingsParams, type Library } from '../model/object-draft.ts'
import { isObject } from '../model/same.ts'
import { isPairs, type Draft } from '../model/settings-form.ts'
import { FieldGroup, PairsEditor, SettingsForm, type FieldProblem } from '../parts/settings-form.tsx'
import { texts } from '../texts.ts'
import { MonitorFields, ProfileFields } from './configuration-profile-fields.tsx'

const words = texts.config.form

export interface FieldsProps {
  readonly kind: ObjectKind
  readonly isNew: boolean
  readonly at: ObjectPlace
  readonly document: ConfigurationDocument
  /** What it is called, as far as it has a name. */
  readonly name: string
  readonly library: Library
  /** As it is stored. */
  readonly given: Readonly<Record<string, unknown>>
  readonly draft: Draft
  readonly onChange: (draft: Draft) => void
  /** With paths within the object. */
  readonly problems: readonly FieldProblem[]
  readonly disabled: boolean
}

/** The fields of one object beside its name. */
export function ObjectFields(props: FieldsProps): ReactNode {
  switch (props.kind) {
    case 'group':
      return <GroupFields {...props} />
    case 'system':
      return <SystemFields {...props} />
    case 'connector':
      return <ConnectorFields {...props} />
    case 'credential':
      return <CredentialFields {...props} />
    case 'profile':
      return <ProfileFields {...props} />
    case 'monitor':
      return <MonitorFields {...props} />
    case 'plugin':
      return null
  }
}

/** What is wrong with one field, or something in it. */
export function problemOf(problems: readonly FieldProblem[], field: string): ReactNode {
  const found = problems.filter(
    ({ path }) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`),
  )
  if (found.length === 0) return undefined
  return found.map(({ message, hint }, i) => (
    <span key={i} className="field-problem">
      {message}
      {hint === undefined || hint === '' ? null : <span className="hint"> {hint}</span>}
    </span>
  ))
}

/** What an object is: chosen once, because everything else in it follows. */
export function TypeField({
  value,
  choices,
  about,
  fixed,
  problem,
  onChange,
}: {
  readonly value: unknown
  readonly choices: readonly { readonly id: string; readonly title: string }[]
  readonly about?: string | undefined
  readonly fixed: boolean
  readonly problem: ReactNode
  readonly onChange: (id: string) => void
}): ReactNode {
  if (fixed)
    return (
      <div>
        <span className="label-line">{words.type}</span>
        <div>
          {choices.find(({ id }) => id === value)?.title ?? asName(value)}
          {about === undefined ? null : <span className="dim"> · {about}</span>}
        </div>
        {problem === undefined ? null : <span className="bad">{problem}</span>}
      </div>
    )
  return (
    <NativeSelect
      label={words.type}
      description={about}
      value={asName(value)}
      withAsterisk
      error={problem}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      <option value="">{words.chooseType}</option>
      {choices.map(({ id, title }) => (
        <option key={id} value={id}>
          {title}
        </option>
      ))}
    </NativeSelect>
  )
}

export function Description({ draft, onChange, problems, disabled }: FieldsProps): ReactNode {
  return (
    <Textarea
      label={words.description}
      value={asName(draft['description'])}
      disabled={disabled}
      rows={2}
      error={problemOf(problems, 'description')}
      onChange={(event) => onChange({ ...draft, description: event.currentTarget.value })}
    />
  )
}

function GroupFields(props: FieldsProps): ReactNode {
  const { draft, onChange, problems, disabled, given } = props
  const { data: user } = useQuery(me)
  // Whoever may edit the group may take it back.
  const mayAllow = given['ownCommands'] === 'allowed' || (user !== undefined && may(user.grants, 'admin', '*'))
  return (
    <>
      <Description {...props} />
      <Radio.Group
        label={words.whenCutOff}
        value={asName(draft['whenCutOff'])}
        error={problemOf(problems, 'whenCutOff')}
        onChange={(value) => onChange({ ...draft, whenCutOff: value })}
      >
        {(['available', 'exclusive'] as const).map((one) => (
          <Radio key={one} value={one} label={words.cutOff[one]} disabled={disabled} mt={6} />
        ))}
      </Radio.Group>
      <Switch
        label={words.ownCommands}
        description={words.ownCommandsHint}
        checked={draft['ownCommands'] === 'allowed'}
        disabled={disabled || !mayAllow}
        error={problemOf(problems, 'ownCommands')}
        onChange={(event) => onChange({ ...draft, ownCommands: event.currentTarget.checked ? 'allowed' : 'refused' })}
      />
    </>
  )
}

function SystemFields(props: FieldsProps): ReactNode {
  const { draft, onChange, problems, disabled, document } = props
  const tags = new Set(
    (document.groups ?? []).flatMap(({ systems = [] }) => systems.flatMap((one) => Object.keys(one.tags ?? {}))),
  )
  return (
    <>
      <TextInput
        label={words.systemType}
        description={words.systemTypeHint}
        value={asName(draft['type'])}
        disabled={disabled}
        error={problemOf(problems, 'type')}
        onChange={(event) => onChange({ ...draft, type: event.currentTarget.value })}
      />
      <Description {...props} />
      <FieldGroup label={words.tags} problems={problems.filter(({ path }) => path.startsWith('tags'))}>
        <PairsEditor
          pairs={isPairs(draft['tags']) ? draft['tags'] : []}
          nameLabel={words.tagName}
          valueLabel={words.tagValue}
          names={[...tags].slice(0, 200)}
          disabled={disabled}
          onChange={(next) => onChange({ ...draft, tags: next })}
        />
      </FieldGroup>
    </>
  )
}

function ConnectorFields(props: FieldsProps): ReactNode {
  const { draft, onChange, problems, disabled, isNew, at, document, given } = props
  const { connectors: library } = props.library
  const agents = useQuery(agentsQuery)
  const type = library.find(({ id }) => id === draft['type'])
  const group = document.groups?.find(({ name }) => 'group' in at && name === at.group)
  const usable = (group?.credentials ?? []).filter((one) => type?.credentials.some((fits) => fits.type === one.type))
  const profiles = (document.profiles ?? []).filter(({ connector }) => connector === type?.id)
  const chosen: readonly unknown[] = Array.isArray(draft['profiles']) ? draft['profiles'] : []
  const names = [
    ...new Set([
      ...(agents.data ?? []).map(({ name }) => name),
      ...(draft['pin'] === undefined ? [] : [asName(draft['pin'])]),
    ]),
  ]
  return (
    <>
      <TypeField
        value={draft['type']}
        choices={library}
        about={type?.summary}
        fixed={disabled || !isNew}
        problem={problemOf(problems, 'type')}
        onChange={(id) => onChange({ ...draft, type: id, settings: {}, profiles: [] })}
      />
      {type === undefined ? null : (
        <>
          <SettingsForm
            params={settingsParams(type.id, library)}
            given={isObject(given['settings']) ? given['settings'] : {}}
            draft={isObject(draft['settings']) ? draft['settings'] : {}}
            onChange={(settings) => onChange({ ...draft, settings })}
            problems={problems.flatMap((one) =>
              one.path.startsWith('settings.') ? [{ ...one, path: one.path.slice('settings.'.length) }] : [],
            )}
            disabled={disabled}
          />
          {type.credentials.length === 0 ? (
            <p className="quiet">{words.usesNone}</p>
          ) : (
            <NativeSelect
              label={words.credential}
              description={
                usable.length === 0
                  ? words.noCredentialFits(type.credentials.map(({ title }) => title).join(', '))
                  : type.credentialRequired
                    ? words.credentialRequired
                    : undefined
              }
              value={asName(draft['credential'])}
              disabled={disabled}
              withAsterisk={type.credentialRequired}
              error={problemOf(problems, 'credential')}
              onChange={(event) =>
                onChange({
                  ...draft,
                  credential: event.currentTarget.value === '' ? undefined : event.currentTarget.value,
                })
              }
            >
              <option value="">{words.noCredential}</option>
              {usable.map(({ name }) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </NativeSelect>
          )}
          <FieldGroup
            label={words.profiles}
            description={profiles.length === 0 ? words.noProfileFits : words.profilesHint}
            problems={problems.filter(({ path }) => path.startsWith('profiles'))}
          >
            {profiles.map(({ name, description, monitors = [] }) => (
              <Checkbox
                key={name}
                label={name}
                description={description ?? monitors.map(({ monitor }) => monitor).join(', ')}
                checked={chosen.includes(name)}
                disabled={disabled}
                onChange={(event) =>
                  onChange({
                    ...draft,
                    profiles: event.currentTarget.checked
                      ? [...chosen, name].sort()
                      : chosen.filter((one) => one !== name),
                  })
                }
              />
            ))}
            {profiles.length > 0 ? null : (
              <Link to="/configuration" search={{ tab: 'profiles', add: 'profile' }}>
                {texts.config.profiles.add}
              </Link>
            )}
          </FieldGroup>
          <NativeSelect
            label={words.pin}
            value={asName(draft['pin'])}
            disabled={disabled}
            error={problemOf(problems, 'pin')}
            onChange={(event) =>
              onChange({ ...draft, pin: event.currentTarget.value === '' ? undefined : event.currentTarget.value })
            }
          >
            <option value="">{words.pinNone}</option>
            {names.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </NativeSelect>
        </>
      )}
    </>
  )
}

function CredentialFields({ draft, onChange, problems, disabled, isNew, given, ...props }: FieldsProps): ReactNode {
  const { connectors: library } = props.library
  const types = credentialTypesOf(library)
  const fields = isObject(draft['fields']) ? draft['fields'] : {}
  return (
    <>
      <TypeField
        value={draft['type']}
        choices={types.map(({ type, title }) => ({ id: type, title }))}
        fixed={disabled || !isNew}
        problem={problemOf(problems, 'type')}
        onChange={(id) => onChange({ type: id, fields: {} })}
      />
      <SettingsForm
        params={fieldParams(draft['type'], library)}
        given={given}
        draft={fields}
        onChange={(next) => onChange({ ...draft, fields: next })}
        problems={problems}
        disabled={disabled}
      />
    </>
  )
}
