/*
 * memory.c: pages that come and go
 */
#include "guest.h"

#define PAGE 4096u

static volatile uint32_t *at(uintptr_t gpa)
{
	return (volatile uint32_t *)gpa;
}

void task_frames(void)
{
	/* Where there is no memory, reads are ones and writes go nowhere. */
	need(*at(TEST_FRAME) == 0xffffffff);
	*at(TEST_FRAME) = 1;
	for (unsigned i = 0; i < 8; i++) {
		uintptr_t gpa = TEST_FRAME + i * PAGE;

		need(!call(CALL_FRAME, (long)(gpa / PAGE), 1, 0, 0));
		need(*at(gpa) == 0);
		*at(gpa) = 0x12345 + i;
		need(__atomic_fetch_add(at(gpa), 1, __ATOMIC_SEQ_CST) == 0x12345 + i);
	}
	need(*at(TEST_FRAME + 8 * PAGE) == 0xffffffff);
	need(!call(CALL_FRAME, TEST_FRAME / PAGE + 1, 0, 0, 0));
	need(*at(TEST_FRAME + PAGE) == 0xffffffff);
	need(*at(TEST_FRAME) == 0x12346);
	need(*at(TEST_FRAME + 2 * PAGE) == 0x12348);
	need(!call(CALL_FRAME, TEST_FRAME / PAGE + 1, 1, 0, 0));
	need(*at(TEST_FRAME + PAGE) == 0x12347);
	need(call(CALL_FRAME, TEST_SPAN / PAGE, 1, 0, 0) == -22);
	/* In RAM it is memory anyway. */
	need(!call(CALL_FRAME, TEST_SCRATCH / PAGE, 1, 0, 0));
	*at(TEST_SCRATCH) = 5;
	need(!call(CALL_FRAME, TEST_SCRATCH / PAGE, 0, 0, 0));
	need(*at(TEST_SCRATCH) == 5);
}

void task_overlay(void)
{
	const uintptr_t in_ram = TEST_SCRATCH, outside = TEST_FRAME,
			source = TEST_SCRATCH + 16 * PAGE;

	*at(in_ram) = 1;
	*at(source) = 2;
	need(!call(CALL_OVERLAY, (long)(in_ram / PAGE), (long)(source / PAGE), 0, 0));
	need(*at(in_ram) == 2);
	*at(in_ram) = 3;
	need(*at(source) == 3);
	need(call(CALL_OVERLAY, (long)(in_ram / PAGE), (long)(source / PAGE), 0, 0) == -16);
	need(!call(CALL_OVERLAY, (long)(outside / PAGE), (long)(source / PAGE), 0, 0));
	need(*at(outside) == 3);
	need(!call(CALL_OVERLAY, (long)(in_ram / PAGE), -1, 0, 0));
	need(*at(in_ram) == 1);
	need(!call(CALL_OVERLAY, (long)(outside / PAGE), -1, 0, 0));
	need(*at(outside) == 0xffffffff);
	need(*at(source) == 3);
	need(call(CALL_OVERLAY, TEST_SPAN / PAGE, (long)(source / PAGE), 0, 0) == -22);
	need(call(CALL_OVERLAY, (long)(in_ram / PAGE), TEST_SPAN / PAGE, 0, 0) == -22);
}

/* Writes when it is told to: page by page, each round one that the round before has not written. */
void task_dirty(void)
{
	for (unsigned round = 1; round <= 3; round++) {
		while (mailbox->stop < round)
			__asm__ volatile("pause");
		for (unsigned i = 0; i < 10; i++)
			(*at(TEST_SCRATCH + (round * 100u + i * 3u) * PAGE))++;
		mailbox->going = round;
	}
	while (mailbox->stop < 4)
		__asm__ volatile("pause");
}
