import { Button, Checkbox, FileButton, TextInput, Textarea } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useBlocker } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { ApiError, call } from '../api/call.ts'
import { editable, me } from '../api/queries.ts'
import { may } from '../model/access.ts'
import { readDocument } from '../model/document.ts'
import { ChangeList } from '../parts/change-list.tsx'
import { Failure } from '../parts/states.tsx'
import { texts } from '../texts.ts'

/** The server refuses larger ones; reading one into the page first would only take longer to say so. */
const largestFileBytes = 16 * 1024 * 1024

interface Given {
  readonly draft: string
  readonly prune: boolean
  readonly document: unknown
  readonly dryRun: boolean
  readonly comment: string
  /** The revision that the difference was shown for; undefined where it is to be shown. */
  readonly base: number | undefined
}

/** A document, the difference it would make, and only then the act. What is applied is exactly what the difference was shown for. */
export function ApplyTab({ draft, setDraft }: { draft: string; setDraft: (text: string) => void }): ReactNode {
  const client = useQueryClient()
  const { data: user } = useQuery(me)
  const [prune, setPrune] = useState(false)
  const [comment, setComment] = useState('')
  const [unreadable, setUnreadable] = useState<readonly string[]>([])
  const send = useMutation({
    mutationFn: async (given: Given) => {
      // What is applied later was looked at now: what somebody else changes in between is not overwritten.
      const base = given.base ?? (await client.fetchQuery({ ...editable, staleTime: 0 })).revision
      const difference = await call('applyConfiguration', {
        query: {
          base,
          ...(given.dryRun ? { dryRun: true } : {}),
          ...(given.prune ? { prune: true } : {}),
          ...(given.comment === '' || given.dryRun ? {} : { comment: given.comment }),
        },
        body: given.document,
      })
      return { ...difference, base }
    },
    onSuccess: (difference, given) => {
      if (given.dryRun) return
      notifications.show({ message: texts.configuration.applied(difference.revision), color: 'petrol' })
      setDraft('')
      setComment('')
      return client.invalidateQueries()
    },
  })
  const dirty = draft.trim() !== '' && !(send.data?.applied === true && send.variables?.draft === draft)
  useBlocker({
    // Moving between the tabs keeps the text; leaving the page would lose it.
    shouldBlockFn: ({ next, current }) =>
      dirty && next.pathname !== current.pathname && !window.confirm(texts.configuration.leave),
    enableBeforeUnload: () => dirty,
  })
  if (user !== undefined && !may(user.grants, 'editor'))
    return <p className="quiet">{texts.configuration.notAllowed}</p>

  const show = (): void => {
    if (draft.trim() === '') return setUnreadable([texts.configuration.tooEmpty])
    const read = readDocument(draft)
    setUnreadable(read.ok ? [] : read.problems)
    if (read.ok) send.mutate({ draft, prune, document: read.document, dryRun: true, comment: '', base: undefined })
  }
  const shown = send.data !== undefined && !send.data.applied && send.variables?.dryRun === true ? send.data : undefined
  const isStale = send.variables?.draft !== draft || send.variables?.prune !== prune

  return (
    <div className="apply">
      <Textarea
        label={texts.configuration.paste}
        description={texts.configuration.pasteHint}
        value={draft}
        onChange={(event) => setDraft(event.currentTarget.value)}
        rows={18}
        spellCheck={false}
        autoCapitalize="none"
        classNames={{ input: 'code-input' }}
      />
      <div className="tool-line">
        <Checkbox
          label={texts.configuration.prune}
          description={prune ? texts.configuration.pruneHint : undefined}
          checked={prune}
          onChange={(event) => setPrune(event.currentTarget.checked)}
        />
        <span className="tools">
          <FileButton
            accept=".yaml,.yml,.json,application/json,application/yaml,text/yaml"
            onChange={(file) => {
              if (file !== null && file.size <= largestFileBytes) void file.text().then(setDraft)
              else if (file !== null) setUnreadable([texts.configuration.tooLarge])
            }}
          >
            {(props) => (
              <Button variant="default" {...props}>
                {texts.configuration.upload}
              </Button>
            )}
          </FileButton>
          <Button onClick={show} loading={send.isPending && send.variables.dryRun}>
            {texts.configuration.showDifference}
          </Button>
        </span>
      </div>
      {unreadable.length === 0 ? null : (
        <div className="failure" role="alert">
          <strong>{texts.configuration.unreadable}</strong>
          {unreadable.map((problem, i) => (
            <pre key={i} className="problem-text">
              {problem}
            </pre>
          ))}
        </div>
      )}
      {send.error === null || unreadable.length > 0 ? null : (
        <Failure
          error={send.error}
          title={
            send.error instanceof ApiError && send.error.details.length > 0
              ? texts.configuration.problems(send.error.details.length)
              : texts.configuration.title
          }
        />
      )}
      {shown === undefined ? null : (
        <section className="difference" aria-label={texts.configuration.showDifference}>
          {shown.changes.length === 0 ? (
            <p className="quiet">{texts.configuration.noDifference}</p>
          ) : (
            <>
              <ChangeList difference={shown} />
              {isStale ? <p className="stale">{texts.configuration.stale}</p> : null}
              <div className="tool-line">
                <TextInput
                  className="grow"
                  aria-label={texts.configuration.comment}
                  placeholder={texts.configuration.comment}
                  value={comment}
                  maxLength={500}
                  onChange={(event) => setComment(event.currentTarget.value)}
                />
                <Button
                  color={shown.summary.remove > 0 ? 'red' : undefined}
                  disabled={isStale}
                  loading={send.isPending && !send.variables.dryRun}
                  onClick={() => {
                    if (send.variables !== undefined)
                      send.mutate({ ...send.variables, dryRun: false, comment: comment.trim(), base: shown.base })
                  }}
                >
                  {texts.configuration.apply(shown.changes.length)}
                </Button>
              </div>
            </>
          )}
        </section>
      )}
    </div>
  )
}
