import { Button, Checkbox, Modal } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import type { ConfigurationDocument, ConfigurationEdit, ObjectPlace } from '../../../src/contract/index.ts'
import { editable as editableQuery } from '../api/queries.ts'
import type { Pairs } from '../model/settings-form.ts'
import { ChangeList } from '../parts/change-list.tsx'
import { FieldGroup, PairsEditor } from '../parts/settings-form.tsx'
import { Failure } from '../parts/states.tsx'
import { texts } from '../texts.ts'
import { useDryRun, useEdits } from './configuration-object-acts.tsx'

const words = texts.config.bulk

interface Choice {
  readonly addProfiles: readonly string[]
  /** The default profile of each one's type. */
  readonly defaults: boolean
  readonly removeProfiles: readonly string[]
  readonly tags: Pairs
  readonly removeTags: readonly string[]
}

/** Profiles and tags of many at once: chosen, the difference looked at, and then applied in one revision. */
export function AssignDialog({
  places,
  document,
  onClose,
  onDone,
}: {
  readonly places: readonly ObjectPlace[]
  readonly document: ConfigurationDocument
  readonly onClose: () => void
  readonly onDone: () => void
}): ReactNode {
  const editable = useQuery(editableQuery)
  const revision = editable.data?.revision ?? 0
  const [choice, setChoice] = useState<Choice>({
    defaults: false,
    addProfiles: [],
    removeProfiles: [],
    tags: [],
    removeTags: [],
  })
  const [looked, look] = useState<readonly ConfigurationEdit[] | undefined>()
  const preview = useDryRun(revision, looked)
  const apply = useEdits(revision, onDone)
  const change = (part: Partial<Choice>): void => {
    setChoice({ ...choice, ...part })
    look(undefined)
  }
  const edits = editsOf(choice, places)
  const profiles = document.profiles ?? []
  const tags = [
    ...new Set(
      (document.groups ?? []).flatMap(({ systems = [] }) => systems.flatMap((one) => Object.keys(one.tags ?? {}))),
    ),
  ].sort()
  const picks = (
    label: string,
    all: readonly string[],
    chosen: readonly string[],
    set: (to: readonly string[]) => void,
  ) => (
    <FieldGroup label={label}>
      <div className="pick-list">
        {all.map((one) => (
          <Checkbox
            key={one}
            label={one}
            checked={chosen.includes(one)}
            onChange={(event) =>
              set(event.currentTarget.checked ? [...chosen, one] : chosen.filter((it) => it !== one))
            }
          />
        ))}
      </div>
    </FieldGroup>
  )
  return (
    <Modal opened onClose={onClose} title={words.title(places.length)} size="lg">
      <div className="act-form">
        <p className="quiet">{words.profileHint}</p>
        <Checkbox
          label={words.defaults}
          description={words.defaultsHint}
          checked={choice.defaults}
          onChange={(event) => change({ defaults: event.currentTarget.checked })}
        />
        {picks(
          words.addProfiles,
          profiles.map(({ name }) => name),
          choice.addProfiles,
          (addProfiles) => change({ addProfiles }),
        )}
        {picks(
          words.removeProfiles,
          profiles.map(({ name }) => name),
          choice.removeProfiles,
          (removeProfiles) => change({ removeProfiles }),
        )}
        <FieldGroup label={words.setTags} description={words.tagsHint}>
          <PairsEditor
            pairs={choice.tags}
            nameLabel={texts.config.form.tagName}
            valueLabel={texts.config.form.tagValue}
            names={tags}
            disabled={false}
            onChange={(next) => change({ tags: next })}
          />
        </FieldGroup>
        {tags.length === 0
          ? null
          : picks(words.removeTags, tags, choice.removeTags, (removeTags) => change({ removeTags }))}
        {preview.error === null ? null : <Failure error={preview.error} title={words.title(places.length)} />}
        {apply.error === null ? null : <Failure error={apply.error} title={words.title(places.length)} />}
        {looked === undefined || preview.data === undefined ? null : preview.data.changes.length === 0 ? (
          <p className="quiet">{words.nothing}</p>
        ) : (
          <section className="difference" aria-label={words.show}>
            <ChangeList difference={preview.data} />
          </section>
        )}
        <div className="act-buttons act-end">
          <Button variant="default" onClick={onClose}>
            {texts.common.cancel}
          </Button>
          {looked !== undefined && preview.data !== undefined && preview.data.changes.length > 0 ? (
            <Button loading={apply.isPending} onClick={() => apply.mutate(looked)}>
              {words.apply(preview.data.changes.length)}
            </Button>
          ) : (
            <Button disabled={edits.length === 0} loading={preview.isFetching} onClick={() => look(edits)}>
              {words.show}
            </Button>
          )}
        </div>
      </div>
    </Modal>
  )
}

function editsOf(choice: Choice, places: readonly ObjectPlace[]): readonly ConfigurationEdit[] {
  const { addProfiles, removeProfiles, removeTags, defaults } = choice
  const tags = choice.tags.filter(([name]) => name !== '')
  const hasProfiles = addProfiles.length + removeProfiles.length > 0
  const hasTags = tags.length + removeTags.length > 0
  if (!hasProfiles && !hasTags && !defaults) return []
  return [
    {
      is: 'assign',
      at: [...places],
      ...(defaults ? { defaults: true } : {}),
      ...(hasProfiles ? { profiles: { add: [...addProfiles], remove: [...removeProfiles] } } : {}),
      ...(hasTags ? { tags: { set: Object.fromEntries(tags), remove: [...removeTags] } } : {}),
    },
  ]
}
