import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import type { JobSnapshot } from '../../client/generated';
import { type IJobActions, JobCard } from '../jobcard';
import { jobOf, problemOf } from './job';

/** Show a job; the answer counts what was done with it. */
function show(change: Partial<JobSnapshot>) {
  const actions = {
    pause: jest.fn(),
    resume: jest.fn(),
    cancel: jest.fn(),
    retry: jest.fn(),
    confirm: jest.fn(),
    pin: jest.fn(),
    clear: jest.fn(),
    signIn: jest.fn(),
    copyPath: jest.fn(),
    reveal: jest.fn(),
    showFiles: jest.fn(),
    showFailed: jest.fn(),
    explore: jest.fn()
  } satisfies IJobActions;
  const card = (job: JobSnapshot) => (
    <ul>
      <JobCard
        job={job}
        width={300}
        measure={text => 7 * text.length}
        neighbours={[]}
        expanded={false}
        trans={nullTranslator.load('')}
        actions={actions}
        onExpand={() => undefined}
      />
    </ul>
  );
  const { rerender } = render(card(jobOf(change)));
  /** What the server tells of the job later. */
  const become = (later: Partial<JobSnapshot>) => rerender(card(jobOf(later)));
  return { ...actions, become };
}

const press = (name: string) =>
  fireEvent.click(screen.getByRole('button', { name }));
const buttons = () =>
  screen
    .getAllByRole('button')
    .map(button => button.getAttribute('aria-label') ?? button.textContent);

/** All that the card says. */
const job = () =>
  screen.getByRole('listitem').textContent?.replaceAll('\u00a0', ' ');

it('a running job tells bytes, files, rate and time left', () => {
  const actions = show({});
  expect(job()).toContain(
    '12.5 of 20.1 MB · 12 / 20 files · 86 MB/s · 1 s left'
  );
  expect(screen.getByRole('progressbar').getAttribute('aria-valuenow')).toBe(
    '62'
  );
  press('Pause');
  press('Cancel');
  expect(actions.pause).toHaveBeenCalledTimes(1);
  expect(actions.cancel).toHaveBeenCalledTimes(1);
});

it('a paused job can be resumed', () => {
  const actions = show({ state: 'paused' });
  press('Resume');
  expect(actions.resume).toHaveBeenCalled();
});

it('the focus stays where a button takes the place of another', () => {
  const { become } = show({});
  const focused = () => document.activeElement?.getAttribute('aria-label');
  screen.getByRole('button', { name: 'Pause' }).focus();
  become({ state: 'paused' });
  expect(focused()).toBe('Resume');
  screen.getByRole('button', { name: 'Cancel' }).focus();
  become({ state: 'cancelled', path: '/data/alice/rucio/run1' });
  expect(focused()).toBe('Take off the list');
});

it('a job that waits for sign-in offers just that', () => {
  const actions = show({ state: 'waiting', cause: 'signin' });
  press('Sign in');
  expect(actions.signIn).toHaveBeenCalled();
});

it('a cloud that refuses the sign-in is told, and can be tried at once', () => {
  const actions = show({
    state: 'waiting',
    cause: 'signin',
    problem: problemOf({
      type: 'cs3-signin',
      detail: 'The CS3 gateway of CERNBOX refuses your sign-in.',
      do: 'retry'
    })
  });
  expect(job()).toContain('Waiting for a cloud to take your sign-in');
  expect(job()).toContain('The CS3 gateway of CERNBOX refuses your sign-in.');
  expect(buttons()).not.toContain('Sign in');
  press('Try now');
  expect(actions.retry).toHaveBeenCalled();
});

it.each([
  ['space', 'Waiting for space'],
  ['disk', 'Waiting for the disk'],
  ['network', 'Waiting for the network']
] as const)('a job that waits for %s can be tried at once', (cause, text) => {
  const actions = show({ state: 'waiting', cause });
  expect(document.body.textContent).toContain(text);
  press('Try now');
  expect(actions.retry).toHaveBeenCalled();
});

it('a large job asks first, and may bring a part', () => {
  const actions = show({
    state: 'waiting',
    cause: 'confirm',
    files_total: 5000,
    bytes_total: 49e9,
    files_here: 3,
    free_bytes: 212e9
  });
  expect(job()).toContain('5,000 files · 49 GB · 3 here already · 212 GB free');
  fireEvent.change(screen.getByLabelText(/First/), { target: { value: '10' } });
  press('Stage this part');
  expect(actions.confirm).toHaveBeenCalledWith({ first: 10 });
});

it('failed files are counted, explained, and shown on demand', () => {
  const actions = show({
    state: 'partial',
    files_failed: 2,
    files_total: 60,
    problem: problemOf({})
  });
  screen.getByText('2 of 60 files failed. The checksum differs.');
  press('Show them');
  expect(actions.showFailed).toHaveBeenCalled();
  press('Try again what failed');
  expect(actions.retry).toHaveBeenCalled();
});

it('a job that failed as a whole offers to try again once, not twice', () => {
  const actions = show({
    state: 'failed',
    problem: problemOf({ type: 'not-found', do: 'refresh' })
  });
  expect(buttons()).not.toContain('Try again what failed');
  press('Try again');
  expect(actions.retry).toHaveBeenCalledTimes(1);
});

it('what is not on the mounted RSE can be downloaded', () => {
  const actions = show({
    state: 'partial',
    files_unreachable: 2,
    problem: problemOf({
      type: 'not-mounted',
      detail: 'Not on CERNBOX.',
      do: 'choose'
    })
  });
  press('Download');
  expect(actions.retry).toHaveBeenCalledWith(true);
});

it('what is on tape leads to its rules, and is not tried in vain', () => {
  const actions = show({
    state: 'partial',
    files_unreachable: 8,
    problem: problemOf({ detail: 'They are on tape.', do: 'recall' })
  });
  expect(buttons()).not.toContain('Try again');
  press('Show it in Explore');
  expect(actions.explore).toHaveBeenCalled();
});

it('unverified and growing are said of files that came well', () => {
  show({ state: 'done', files_unverified: 3, growing: true });
  expect(document.body.textContent).toContain('3 files are unverified');
  expect(document.body.textContent).toContain('Still growing');
});

it('a finished job is shown, or taken off the list', () => {
  const actions = show({ state: 'done', path: '/data/alice/rucio/run1' });
  press('Show in the file browser');
  press('Take off the list');
  expect(actions.reveal).toHaveBeenCalled();
  expect(actions.clear).toHaveBeenCalled();
});

it('a double click on a button does not hit the one that takes its place', () => {
  const actions = show({});
  press('Pause');
  actions.become({ state: 'paused' });
  const resume = screen.getByRole('button', { name: 'Resume' });
  fireEvent.click(resume, { detail: 2 });
  expect(actions.resume).not.toHaveBeenCalled();
  fireEvent.click(resume, { detail: 1 });
  expect(actions.resume).toHaveBeenCalledTimes(1);
});

it('progress that fell is shown as it is', () => {
  show({ bytes_done: 0 });
  expect(screen.getByRole('progressbar').getAttribute('aria-valuenow')).toBe(
    '0'
  );
});

it('a job that brought nothing tells of no files', () => {
  show({ state: 'failed', files_done: 0, bytes_done: 0, finished_at: 0 });
  expect(job()).toContain('Failed · ');
  expect(job()).not.toContain('0 files');
});

it('a job that asks to be confirmed says in words that it does not fit', () => {
  const waiting = { state: 'waiting', cause: 'confirm' } as const;
  show({ ...waiting, bytes_total: 2_000_000, free_bytes: 1_000_000 });
  expect(job()).toContain('2 MB · only 1 MB free');
});
