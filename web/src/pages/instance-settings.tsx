import { Button, Switch, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useState, type FormEvent, type ReactNode } from 'react'
import { call, type Answer } from '../api/call.ts'
import { me, settings as settingsQuery } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { readSetting, writeSetting } from '../model/settings.ts'
import { FilterText } from '../parts/filter-text.tsx'
import { Failure, Present } from '../parts/states.tsx'
import { withCode } from '../parts/with-code.tsx'
import { texts } from '../texts.ts'

const { settings: words } = texts.instance

type Setting = Extract<Answer<'showSettings'>, readonly unknown[]>[number]

export function SettingsTab(): ReactNode {
  const search = useSearch({ from: '/signed-in/instance' })
  const navigate = useNavigate({ from: '/instance' })
  const settings = useQuery(settingsQuery)
  const { data: user } = useQuery(me)
  const text = (search.text ?? '').toLowerCase()
  const filter = useCallback(
    (value: string) => void navigate({ search: (old) => ({ ...old, text: value }), replace: true }),
    [navigate],
  )
  const allowed = user !== undefined && may(user.grants, 'admin')
  return (
    <>
      <div className="filters">
        <FilterText label={words.filter} value={search.text ?? ''} onChange={filter} />
        <span className="dim">{words.hint}</span>
      </div>
      <Present query={settings}>
        {(rows) => (
          <div className="settings">
            {rows
              .filter((one) => `${one.name} ${one.help}`.toLowerCase().includes(text))
              .map((one) => (
                // A value that changed elsewhere makes the form anew, in place of what stood here.
                <OneSetting key={`${one.name} ${writeSetting(one.value)}`} setting={one} allowed={allowed} />
              ))}
          </div>
        )}
      </Present>
    </>
  )
}

function OneSetting({ setting, allowed }: { setting: Setting; allowed: boolean }): ReactNode {
  const client = useQueryClient()
  const written = writeSetting(setting.value)
  const [typed, setTyped] = useState(written)
  const [wrong, setWrong] = useState<string | undefined>()
  const save = useMutation({
    mutationFn: (value: unknown) => call('changeSettings', { body: { [setting.name]: value } }),
    onSuccess: () => {
      notifications.show({ message: words.saved(setting.name), color: 'petrol' })
      return client.invalidateQueries({ queryKey: ['settings'] })
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    const read = readSetting(typed, setting.value ?? setting.default)
    setWrong(read.ok ? undefined : read.wants === 'number' ? words.notNumber : words.notJson)
    if (read.ok) save.mutate(read.value)
  }
  const about = [
    setting.source === 'default' ? '' : words.source[setting.source],
    words.default(writeSetting(setting.default) === '' ? texts.common.none : writeSetting(setting.default)),
    setting.allowed,
    setting.scope === 'travels' ? words.travels : '',
    setting.change === 'at once' ? '' : words.restart,
    setting.overruledBy === undefined ? '' : words.overruled(words.overruler[setting.overruledBy]),
  ].filter((part) => part !== '')
  const why = allowed ? undefined : texts.common.notAllowed
  return (
    <form className="setting" onSubmit={submit}>
      <div className="setting-about">
        <strong>{setting.name}</strong>
        <span>{withCode(setting.help)}</span>
        <span className="dim">{about.join(' · ')}</span>
      </div>
      <div className="setting-value" title={why}>
        {typeof setting.value === 'boolean' ? (
          <Switch
            aria-label={setting.name}
            checked={setting.value}
            disabled={!allowed || save.isPending}
            onChange={(event) => save.mutate(event.currentTarget.checked)}
          />
        ) : (
          <>
            <TextInput
              aria-label={setting.name}
              value={typed}
              disabled={!allowed}
              error={wrong}
              spellCheck={false}
              autoCapitalize="none"
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
            {typed === written ? null : (
              <Button type="submit" size="sm" loading={save.isPending}>
                {texts.common.save}
              </Button>
            )}
          </>
        )}
        {setting.source === 'stored' && allowed && typed === written ? (
          <Button size="sm" variant="subtle" color="gray" onClick={() => save.mutate(null)}>
            {words.reset}
          </Button>
        ) : null}
      </div>
      {save.error === null ? null : <Failure error={save.error} title={setting.name} />}
    </form>
  )
}
