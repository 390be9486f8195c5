/*
 * stub_image.S: the stub, as built, for the monitor to execute
 */
	.section .rodata
	.balign 16
	.globl ue_stub_image, ue_stub_image_end
ue_stub_image:
	.incbin STUB_FILE
ue_stub_image_end:
	.section .note.GNU-stack, "", @progbits
