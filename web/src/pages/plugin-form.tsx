import { Button, Checkbox, Modal, NativeSelect, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { ConfigurationEdit, PluginDocument } from '../../../src/contract/index.ts'
import { pluginTypes } from '../api/admin-queries.ts'
import type { Answer } from '../api/call.ts'
import { editable } from '../api/queries.ts'
import { pathOf } from '../model/configuration-tree.ts'
import { declared, draftOf, settingsOf, type Draft } from '../model/settings-form.ts'
import { SettingsForm } from '../parts/settings-form.tsx'
import { Failure, Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { useEdits } from './configuration-object-acts.tsx'
import { sortedProblems, withProblems } from './configuration-object.tsx'

const { pluginForm: words } = texts

type PluginType = Answer<'listPluginTypes'>[number]
type Feed = PluginDocument['sends'][number]
const feeds = ['alarms', 'metrics', 'reports'] as const satisfies readonly Feed[]

/** Adds a plugin, or changes one, by the form that its declaration draws. */
export function PluginDialog({ name, onClose }: { name: string | undefined; onClose: () => void }): ReactNode {
  const types = useQuery(pluginTypes)
  const configuration = useQuery(editable)
  return (
    <Modal opened onClose={onClose} title={name === undefined ? words.add : words.editOf(name)} size="lg">
      <Present query={types}>
        {(all) => (
          <Present query={configuration}>
            {({ revision, document }) => (
              <PluginForm
                types={all}
                revision={revision}
                stored={document.plugins?.find((one) => one.name === name)}
                onClose={onClose}
              />
            )}
          </Present>
        )}
      </Present>
    </Modal>
  )
}

function PluginForm(props: {
  readonly types: readonly PluginType[]
  readonly revision: number
  readonly stored: PluginDocument | undefined
  readonly onClose: () => void
}): ReactNode {
  const { types, onClose } = props
  // What was there when the form was opened: what is saved is based on that, whatever came in meanwhile.
  const [{ stored, revision }] = useState({ stored: props.stored, revision: props.revision })
  const [id, setId] = useState(stored?.plugin ?? types[0]?.id ?? '')
  const type = types.find((one) => one.id === id)
  const params = declared(type?.params ?? {})
  const [name, setName] = useState(stored?.name ?? '')
  const [draft, setDraft] = useState<Draft>(() => draftOf(params, stored?.settings ?? {}))
  const [sends, setSends] = useState<readonly Feed[]>(stored?.sends ?? ['alarms'])
  const save = useEdits(revision, onClose)
  const at = { plugin: name.trim() }
  const { inner, others } = sortedProblems(save.error, [
    pathOf(at),
    ...(stored === undefined ? [] : [pathOf({ plugin: stored.name })]),
  ])
  const problem = (field: string): string | undefined =>
    inner.find(({ path }) => path === field || path.startsWith(`${field}[`))?.message
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    const value = {
      plugin: id,
      settings: settingsOf(params, draft),
      sends: possible(type).filter((one) => sends.includes(one)),
    }
    const edits: ConfigurationEdit[] =
      stored === undefined
        ? [{ is: 'add', at, value }]
        : [
            ...(stored.name === at.plugin ? [] : [{ is: 'move', at: { plugin: stored.name }, to: at } as const]),
            { is: 'change', at, value },
          ]
    save.mutate(edits)
  }
  return (
    <form className="act-form" onSubmit={submit} noValidate>
      {save.error === null ? null : <Failure error={withProblems(save.error, others)} title={words.failed} />}
      <NativeSelect
        label={words.type}
        description={type?.summary}
        value={id}
        disabled={stored !== undefined}
        error={problem('plugin')}
        onChange={(event) => {
          setId(event.currentTarget.value)
          setDraft({})
        }}
        data={types.map((one) => ({ value: one.id, label: one.title }))}
      />
      <TextInput
        label={words.name}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={problem('name')}
        spellCheck={false}
        autoCapitalize="none"
        required
        withAsterisk={false}
        data-autofocus
      />
      <Checkbox.Group
        label={words.sends}
        value={[...sends]}
        onChange={(chosen) => setSends(feeds.filter((one) => chosen.includes(one)))}
        error={problem('sends')}
      >
        <div className="weekday-choices">
          {possible(type).map((one) => (
            <Checkbox key={one} value={one} label={words.feeds[one]} />
          ))}
        </div>
      </Checkbox.Group>
      <SettingsForm
        key={id}
        params={params}
        given={stored?.settings ?? {}}
        draft={draft}
        onChange={setDraft}
        problems={inner.flatMap((one) =>
          one.path.startsWith('settings.') ? [{ ...one, path: one.path.slice('settings.'.length) }] : [],
        )}
      />
      <p className="quiet">{type?.honoursIdempotencyKey === true ? words.once : words.atLeastOnce}</p>
      <div className="act-buttons act-end">
        <Button variant="default" onClick={onClose}>
          {texts.common.cancel}
        </Button>
        <Button type="submit" loading={save.isPending}>
          {stored === undefined ? words.add : texts.common.save}
        </Button>
      </div>
    </form>
  )
}

function possible(type: PluginType | undefined): readonly Feed[] {
  return feeds.filter((one) => type?.sends.includes(one) === true)
}
