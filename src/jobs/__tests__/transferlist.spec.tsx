import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen } from '@testing-library/react';
import * as React from 'react';

import type { IJobsClient } from '../../client/client';
import type { TransferRow } from '../../client/generated';
import { measureNothing } from '../../components/__tests__/measuring';
import { TransferList } from '../transferlist';
import { Transfers } from '../transfers';
import { problemOf } from './job';

const did = { scope: 'user.alice', name: 'run1.root' };

/** Show one file of a job; the answer counts what was done with it. */
async function show(change: Partial<TransferRow>) {
  const row: TransferRow = {
    did,
    state: 'failed',
    bytes: 1000,
    bytes_done: 0,
    rse: 'CERNBOX',
    path: null,
    verified: true,
    problem: null,
    ...change
  };
  const client = {
    transfers: async () => ({ rows: [row], offset: 0, total: 1 })
  };
  const transfers = new Transfers(client as unknown as IJobsClient, '1', 'all');
  const changed = new Promise<void>(done =>
    transfers.changed.connect(() => done())
  );
  transfers.renew();
  await changed;
  const actions = {
    onCopyPath: jest.fn(),
    onRetry: jest.fn(),
    onSignIn: jest.fn(),
    onExplore: jest.fn()
  };
  render(
    <TransferList
      transfers={transfers}
      trans={nullTranslator.load('')}
      {...actions}
    />
  );
  return actions;
}

const buttons = () => screen.queryAllByRole('button');
const press = (name: string) =>
  fireEvent.click(screen.getByRole('button', { name }));

beforeAll(measureNothing);

it('a file that failed by chance is tried again', async () => {
  const { onRetry } = await show({ problem: problemOf({ do: 'retry' }) });
  press('Try again what failed');
  expect(onRetry).toHaveBeenCalledWith();
});

it('a file that failed for want of a sign-in offers that', async () => {
  const { onSignIn } = await show({ problem: problemOf({ do: 'signin' }) });
  expect(buttons()).toHaveLength(1);
  press('Sign in');
  expect(onSignIn).toHaveBeenCalled();
});

it('a file that its RSE has lost leads to the other replicas', async () => {
  const { onExplore } = await show({ problem: problemOf({ do: 'choose' }) });
  expect(buttons()).toHaveLength(1);
  press('Show the replicas of run1.root');
  expect(onExplore).toHaveBeenCalledWith(did);
});

it('a file on tape leads to its rules', async () => {
  const problem = problemOf({ type: 'tape', do: 'recall' });
  const { onExplore } = await show({ state: 'tape', problem });
  press('Show run1.root in Explore');
  expect(onExplore).toHaveBeenCalledWith(did);
});

it('a file that is not mounted can be downloaded', async () => {
  const problem = problemOf({ type: 'not-mounted', do: 'choose' });
  const { onRetry } = await show({ state: 'not-mounted', problem });
  press('Download what is not mounted');
  expect(onRetry).toHaveBeenCalledWith(true);
});

it('a file that failed for a fault of ours offers nothing in vain', async () => {
  await show({ problem: problemOf({ do: 'report' }) });
  expect(buttons()).toHaveLength(0);
});

it('a file that is here tells its path', async () => {
  const { onCopyPath } = await show({ state: 'done', path: '/data/run1.root' });
  press('Copy the path /data/run1.root');
  expect(onCopyPath).toHaveBeenCalledWith('/data/run1.root');
});
