import { NativeSelect, TextInput } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { monitorParams, rowsOf } from '../model/object-draft.ts'
import { isObject } from '../model/same.ts'
import { settingsOf } from '../model/settings-form.ts'
import { RulesEditor, type Measured } from '../parts/rules-editor.tsx'
import { SettingsForm } from '../parts/settings-form.tsx'
import { texts } from '../texts.ts'
import { Candidates } from './configuration-candidates.tsx'
import { Description, problemOf, TypeField, type FieldsProps } from './configuration-fields.tsx'
import { asName } from '../model/object-draft.ts'

const words = texts.config.profiles

export function ProfileFields(props: FieldsProps): ReactNode {
  const { draft, onChange, problems, disabled, isNew, library } = props
  const type = library.connectors.find(({ id }) => id === draft['connector'])
  return (
    <>
      <TypeField
        value={draft['connector']}
        choices={library.connectors}
        about={type?.summary}
        fixed={disabled || !isNew}
        problem={problemOf(problems, 'connector')}
        onChange={(id) => onChange({ ...draft, connector: id })}
      />
      <Description {...props} />
    </>
  )
}

export function MonitorFields({
  draft,
  onChange,
  problems,
  disabled,
  isNew,
  at,
  document,
  library,
  given,
}: FieldsProps): ReactNode {
  const [measured, setMeasured] = useState<Measured | undefined>()
  const [candidates, setCandidates] = useState<Readonly<Record<string, readonly string[]>>>({})
  const profile = document.profiles?.find(({ name }) => 'profile' in at && name === at.profile)
  const fitting = library.monitors.filter(({ connectors }) => connectors.includes(profile?.connector ?? ''))
  const monitor = library.monitors.find(({ id }) => id === draft['monitor'])
  const params = monitorParams(draft['monitor'], library.monitors)
  const settings = isObject(draft['settings']) ? draft['settings'] : {}
  return (
    <>
      {isNew ? (
        <NativeSelect
          label={words.monitor}
          description={monitor?.summary}
          value={asName(draft['monitor'])}
          withAsterisk
          error={problemOf(problems, 'monitor')}
          onChange={(event) => {
            setCandidates({})
            onChange({ monitor: event.currentTarget.value, settings: {} })
          }}
        >
          <option value="">{words.chooseMonitor}</option>
          {fitting.map(({ id, title }) => (
            <option key={id} value={id}>
              {title} ({id})
            </option>
          ))}
        </NativeSelect>
      ) : (
        <div>
          <span className="label-line">{words.monitor}</span>
          <div>
            {monitor?.title ?? asName(draft['monitor'])}
            {monitor === undefined ? null : <span className="dim"> · {monitor.summary}</span>}
          </div>
        </div>
      )}
      {monitor === undefined ? null : (
        <>
          <div className="two-fields">
            <TextInput
              label={words.period}
              description={texts.config.form.default(monitor.period)}
              placeholder={monitor.period}
              value={asName(draft['period'])}
              disabled={disabled}
              error={problemOf(problems, 'period')}
              onChange={(event) => onChange({ ...draft, period: event.currentTarget.value })}
            />
            <TextInput
              label={words.timeout}
              description={texts.config.form.default(monitor.timeout)}
              placeholder={monitor.timeout}
              value={asName(draft['timeout'])}
              disabled={disabled}
              error={problemOf(problems, 'timeout')}
              onChange={(event) => onChange({ ...draft, timeout: event.currentTarget.value })}
            />
          </div>
          <SettingsForm
            params={params}
            given={isObject(given['settings']) ? given['settings'] : {}}
            draft={settings}
            onChange={(next) => onChange({ ...draft, settings: next })}
            problems={problems.flatMap((one) =>
              one.path.startsWith('settings.') ? [{ ...one, path: one.path.slice('settings.'.length) }] : [],
            )}
            candidates={candidates}
            disabled={disabled}
          />
          <Candidates
            document={document}
            profile={profile?.name ?? ''}
            monitor={monitor}
            settings={settingsOf(params, settings)}
            onMeasured={setMeasured}
            onCandidates={setCandidates}
          />
          <RulesEditor
            monitor={monitor}
            rows={rowsOf(draft)}
            measured={measured}
            problems={problems}
            disabled={disabled}
            onChange={(rules) => onChange({ ...draft, rules })}
          />
        </>
      )}
    </>
  )
}
