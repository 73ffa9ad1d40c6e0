import { Button, NativeSelect, Switch, TextInput, Textarea, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useBlocker, useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useState, type FormEvent, type ReactNode } from 'react'
import type { Setting } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import { me, settings as settingsQuery } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { readSetting, sectionOf, settingSections, shownUnit, writeSetting } from '../model/settings.ts'
import { fieldError } from '../parts/field-error.ts'
import { FilterText } from '../parts/filter-text.tsx'
import { Failure, Present } from '../parts/states.tsx'
import { withCode } from '../parts/with-code.tsx'
import { texts } from '../texts.ts'

const { settings: words } = texts.instance

/** What was typed, by setting; null: back to the default. What is not in it is as the server has it. */
type Edits = Readonly<Record<string, string | null>>

/** Every setting in one form, drawn from what the server says of each; nothing is sent before all of it is saved. */
export function SettingsTab(): ReactNode {
  const search = useSearch({ from: '/signed-in/instance' })
  const navigate = useNavigate({ from: '/instance' })
  const settings = useQuery(settingsQuery)
  const { data: user } = useQuery(me)
  const client = useQueryClient()
  const [edits, setEdits] = useState<Edits>({})
  const filter = useCallback(
    (value: string) => void navigate({ search: (old) => ({ ...old, text: value }), replace: true }),
    [navigate],
  )
  const save = useMutation({
    mutationFn: (body: Readonly<Record<string, unknown>>) => call('changeSettings', { body: { ...body } }),
    onSuccess: async (_, body) => {
      await client.invalidateQueries()
      setEdits({})
      notifications.show({ message: words.savedAll(Object.keys(body).length), color: 'petrol' })
    },
  })
  const changed = changedBy(edits, settings.data ?? [])
  const isDirty = changed.length > 0
  useBlocker({
    shouldBlockFn: ({ current, next }) =>
      isDirty &&
      (next.pathname !== current.pathname || new URLSearchParams(next.search).get('tab') !== 'settings') &&
      !window.confirm(words.leave(changed.length)),
    enableBeforeUnload: () => isDirty,
  })
  const text = (search.text ?? '').toLowerCase()
  const allowed = user !== undefined && may(user.grants, 'admin', '*')
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    save.mutate(
      Object.fromEntries(
        changed.map((setting) => {
          const typed = edits[setting.name]
          return [setting.name, typed === null || typed === undefined ? null : readSetting(setting, typed)]
        }),
      ),
    )
  }
  const edit = (name: string, typed: string | null | undefined): void =>
    setEdits(({ [name]: _, ...rest }) => (typed === undefined ? rest : { ...rest, [name]: typed }))
  return (
    <>
      <div className="filters">
        <FilterText label={words.filter} value={search.text ?? ''} onChange={filter} />
        <span className="dim">{words.hint}</span>
      </div>
      <Present query={settings}>
        {(all) => (
          <form onSubmit={submit}>
            {settingSections.map((section) => {
              const rows = all.filter(
                (one) => sectionOf(one) === section && `${one.name} ${one.help}`.toLowerCase().includes(text),
              )
              if (rows.length === 0) return null
              return (
                <section key={section} aria-labelledby={`settings-${section}`}>
                  <div className="section-head settings-head">
                    <Title order={2} id={`settings-${section}`}>
                      {words.sections[section].title}
                    </Title>
                    <span className="dim">{words.sections[section].hint}</span>
                  </div>
                  <div className="settings">
                    {rows.map((one) => (
                      <OneSetting
                        key={one.name}
                        setting={one}
                        typed={edits[one.name]}
                        edit={edit}
                        allowed={allowed}
                        error={fieldError(save.error, one.name)}
                      />
                    ))}
                  </div>
                </section>
              )
            })}
            {isDirty ? (
              <div className="save-bar">
                {save.error === null ? null : <Failure error={save.error} title={words.notSaved} />}
                <span className="grow" role="status">
                  {words.unsaved(changed.length)}
                </span>
                <Button
                  variant="default"
                  onClick={() => {
                    setEdits({})
                    save.reset()
                  }}
                >
                  {words.discard}
                </Button>
                <Button type="submit" loading={save.isPending} disabled={!allowed}>
                  {words.saveAll(changed.length)}
                </Button>
              </div>
            ) : null}
          </form>
        )}
      </Present>
    </>
  )
}

function changedBy(edits: Edits, settings: readonly Setting[]): Setting[] {
  return settings.filter((setting) => {
    const typed = edits[setting.name]
    if (typed === undefined) return false
    return typed === null ? setting.source === 'stored' : typed !== writeSetting(setting, setting.value)
  })
}

function OneSetting(props: {
  readonly setting: Setting
  readonly typed: string | null | undefined
  readonly edit: (name: string, typed: string | null | undefined) => void
  readonly allowed: boolean
  readonly error: string | undefined
}): ReactNode {
  const { setting, typed, edit, allowed, error } = props
  const written = writeSetting(setting, setting.value)
  const byDefault = writeSetting(setting, setting.default)
  const value = typed === null ? byDefault : (typed ?? written)
  const isLocked = setting.overruledBy !== undefined || setting.change === 'start'
  const change = (next: string): void => edit(setting.name, next === written ? undefined : next)
  const field = {
    id: `setting-${setting.name}`,
    'aria-describedby': `about-${setting.name}`,
    disabled: !allowed || isLocked,
  }
  const edited = typed !== undefined && value !== written
  return (
    <div className={edited ? 'setting setting-edited' : 'setting'}>
      <div className="setting-about">
        <label htmlFor={field.id}>
          <strong>{setting.name}</strong>
        </label>
        <span id={`about-${setting.name}`}>{withCode(setting.help)}</span>
        {setting.tooSmall === undefined ? null : (
          <span className="dim">
            {words.tooSmall} {withCode(setting.tooSmall)}
          </span>
        )}
        {setting.tooLarge === undefined ? null : (
          <span className="dim">
            {words.tooLarge} {withCode(setting.tooLarge)}
          </span>
        )}
        <span className="dim">{aboutOf(setting, byDefault).join(' · ')}</span>
      </div>
      <div className="setting-value" title={allowed ? undefined : texts.common.notAllowed}>
        <SettingField setting={setting} value={value} onChange={change} field={field} error={error} />
        {setting.source === 'stored' && allowed && typed === undefined ? (
          <Button size="sm" variant="subtle" color="gray" onClick={() => edit(setting.name, null)}>
            {words.reset}
          </Button>
        ) : null}
      </div>
    </div>
  )
}

/** Where its value comes from, what it would be otherwise, what may be given, and for when. */
function aboutOf(setting: Setting, byDefault: string): string[] {
  const { overruledBy, variable, flag, name } = setting
  const giver =
    overruledBy === undefined
      ? undefined
      : { flag: flag?.split(' ')[0] ?? name, environment: variable, file: 'settings.yaml' }[overruledBy]
  return [
    giver === undefined ? words.source[setting.source] : words.locked(giver),
    words.default(byDefault === '' ? words.empty : byDefault.replaceAll('\n', ', ')),
    ...(setting.kind === 'choice' || setting.kind === 'flag' ? [] : [setting.allowed]),
    ...(sectionOf(setting) === 'retention' ? [words.scope[setting.scope]] : []),
    ...(setting.change === 'restart' ? [words.restart] : []),
  ]
}

interface FieldGiven {
  readonly id: string
  readonly 'aria-describedby': string
  readonly disabled: boolean
}

function SettingField(props: {
  readonly setting: Setting
  readonly value: string
  readonly onChange: (value: string) => void
  readonly field: FieldGiven
  readonly error: string | undefined
}): ReactNode {
  const { setting, value, onChange, field, error } = props
  switch (setting.kind) {
    case 'flag':
      return (
        <Switch
          {...field}
          checked={value === 'true'}
          error={error}
          onChange={(event) => onChange(String(event.currentTarget.checked))}
        />
      )
    case 'choice':
      return (
        <NativeSelect
          {...field}
          value={value}
          error={error}
          data={setting.choices ?? []}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      )
    case 'urls':
      return (
        <Textarea
          {...field}
          value={value}
          error={error}
          rows={Math.max(2, value.split('\n').length)}
          spellCheck={false}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      )
    case 'number':
    case 'text':
    case 'proxy':
    case 'result-retention': {
      const unit = shownUnit(setting)
      return (
        <TextInput
          {...field}
          value={value}
          error={error}
          inputMode={setting.kind === 'number' && unit === '' && setting.unit === '' ? 'numeric' : undefined}
          rightSection={unit === '' ? undefined : <span className="dim">{unit}</span>}
          rightSectionWidth={unit === '' ? undefined : 56}
          spellCheck={false}
          autoCapitalize="none"
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      )
    }
  }
}
