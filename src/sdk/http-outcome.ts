import { messageOf } from '../base/index.ts'
import type { DeliveryOutcome, HttpAnswer } from './plugin.ts'

// Statuses below 500 that say "not now" rather than "never": timeout, too early, too many requests.
const notNow = new Set([408, 425, 429])

/**
 * What an HTTP answer means for a delivery: 2xx is delivered; 408, 425, 429 and 5xx are tried again, when the receiver says so;
 * every other answer would be the same tomorrow. A redirect is one of those: following it would hand the alarm and its
 * signature to an address nobody configured.
 */
export function outcomeOfHttp(answer: HttpAnswer): DeliveryOutcome {
  const { status } = answer
  if (status >= 200 && status < 300) return { delivered: true, detail: `HTTP ${status}` }
  const said = answer.body.replaceAll(/\s+/g, ' ').trim().slice(0, 200)
  const redirect =
    status >= 300 && status < 400 ? ' (a redirect, which is not followed: configure the final address)' : ''
  return {
    delivered: false,
    retry: status >= 500 || notNow.has(status),
    ...(answer.retryAfterMs === undefined ? {} : { afterMs: answer.retryAfterMs }),
    message: `the receiver answered HTTP ${status}${redirect}${said === '' ? '' : `: ${said}`}`,
  }
}

/** No answer at all: refused, unreachable, timed out, no trust. All of these can be over in a minute. */
export function outcomeOfNetworkFailure(thrown: unknown): DeliveryOutcome {
  return { delivered: false, retry: true, message: messageOf(thrown) }
}
