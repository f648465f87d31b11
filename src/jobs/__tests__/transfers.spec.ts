import { PromiseDelegate } from '@lumino/coreutils';

import type { IJobsClient } from '../../client/client';
import type { TransferPage, TransferRow } from '../../client/generated';
import { Transfers } from '../transfers';

type State = TransferRow['state'];

const TOTAL = 300;

function pageAt(offset: number, state: State, total: number): TransferPage {
  const length = Math.min(100, total - offset);
  const rows = Array.from({ length }, (_, index) => ({
    did: { scope: 'user.alice', name: `f${offset + index}` },
    state,
    bytes: 1000,
    bytes_done: 0,
    rse: 'CERNBOX',
    path: null,
    verified: true,
    problem: null
  }));
  return { rows, offset, total };
}

/** The files of a job, and the answers that are still to be given, by the order of the questions. */
function opened() {
  const asked: { offset: number; answer: PromiseDelegate<TransferPage> }[] = [];
  const client = {
    transfers: (_job: string, offset: number) => {
      const answer = new PromiseDelegate<TransferPage>();
      asked.push({ offset, answer });
      return answer.promise;
    }
  };
  const transfers = new Transfers(client as unknown as IJobsClient, '1', 'all');
  const answer = async (state: State, total = TOTAL) => {
    const next = asked.shift();
    next?.answer.resolve(pageAt(next.offset, state, total));
    await new Promise(done => setTimeout(done));
  };
  return { transfers, asked, answer };
}

it('what was out of sight when the job moved on is read again when it comes into sight', async () => {
  const { transfers, asked, answer } = opened();
  transfers.renew();
  await answer('queued');
  transfers.ensure(200, 210);
  await answer('queued');
  transfers.ensure(0, 10);
  transfers.renew();
  await answer('done');
  expect(transfers.row(200)?.state).toBe('queued');
  transfers.ensure(200, 210);
  await answer('done');
  expect(transfers.row(200)?.state).toBe('done');
  transfers.ensure(0, 10);
  expect(asked).toEqual([]);
});

it('files that a job has only later are read', async () => {
  const { transfers, asked, answer } = opened();
  transfers.renew();
  await answer('queued', 0);
  expect([transfers.ready, transfers.length]).toEqual([true, 0]);
  transfers.renew();
  await answer('queued');
  expect(transfers.length).toBe(TOTAL);
  expect(asked).toEqual([]);
});

it('an answer that the job has overtaken is not the last word', async () => {
  const { transfers, asked, answer } = opened();
  transfers.renew();
  transfers.renew();
  expect(asked.length).toBe(1);
  await answer('running');
  await answer('done');
  expect(transfers.row(0)?.state).toBe('done');
  expect(asked).toEqual([]);
});
