/*
 * config: claims about the reader of xl.cfg: what it takes, and what it says about what it does not take.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/config.h"
#include "run.h"

static struct refhv_config c;
static struct config_notes notes;
static struct refhv_error e;

#define MINIMAL "name='a'\nkernel='/k'\nmemory=8\n"

static int parse(const char *text)
{
	return config_parse(&c, "/etc/x.cfg", text, strlen(text), &notes, &e);
}

static void good(const char *text)
{
	ck_assert_msg(!parse(text), "refused: %s: %u: %s", text, e.line, e.what);
}

static void teardown(void)
{
	config_free(&c);
}

START_TEST(minimal_configuration_has_the_documented_defaults)
{
	good(MINIMAL);
	ck_assert_str_eq(c.name, "a");
	ck_assert_str_eq(c.kernel, "/k");
	ck_assert_uint_eq(c.memory_kib, 8 << 10);
	ck_assert_uint_eq(c.maxmem_kib, 8 << 10);
	ck_assert_uint_eq(c.vcpus, 1);
	ck_assert_str_eq(c.cmdline, "");
	ck_assert_int_eq(c.on_poweroff, CONFIG_DESTROY);
	ck_assert_int_eq(c.on_reboot, CONFIG_RESTART);
	ck_assert_int_eq(c.on_crash, CONFIG_DESTROY);
	ck_assert_int_eq(c.engine, CONFIG_ENGINE_AUTO);
	ck_assert_uint_eq(notes.n, 0);
}
END_TEST

static int parse_line(size_t len, const char *more)
{
	char text[4096];

	config_free(&c);
	snprintf(text, sizeof(text), MINIMAL "%s\ncmdline='%0*d'\n", more, (int)len, 0);
	return parse(text);
}

static void line_limit(const char *more, size_t max, const char *says)
{
	ck_assert_msg(!parse_line(max, more), "%s: %s", more, e.what);
	ck_assert_uint_eq(strlen(c.cmdline), max);
	ck_assert(parse_line(max + 1, more));
	ck_assert_int_eq(e.exit, REFHV_CONFIG);
	ck_assert_msg(strstr(e.what, says), "%s", e.what);
}

START_TEST(command_line_is_as_long_as_its_kind_of_kernel_takes)
{
	line_limit("type='pv'", 1023, "has 1024 bytes, a PV kernel takes 1023");
	line_limit("engine='user'", 1023, "has 1024 bytes, a PV kernel takes 1023");
	line_limit("type='pvh'", 2047, "has 2048 bytes, a Linux kernel takes 2047");
	line_limit("engine='kvm'", 2047, "has 2048 bytes");
	/* What it will be the image decides. */
	line_limit("", 2047, "has 2048 bytes");
}
END_TEST

START_TEST(channels_are_read_as_xl_has_them)
{
	json_t *j;

	good(MINIMAL "channel=['name=org.a.agent.1, connection=socket, path=/run/a b.sock',\n"
		     "'connection=pty,name=x,backend=0', "
		     "'path=b.sock,name=y,connection=socket,driver=z']\n");
	ck_assert_uint_eq(c.nchannels, 3);
	ck_assert_str_eq(c.channel[0].name, "org.a.agent.1");
	ck_assert_int_eq(c.channel[0].connection, CONFIG_CHANNEL_SOCKET);
	ck_assert_str_eq(c.channel[0].path, "/run/a b.sock");
	ck_assert_int_eq(c.channel[1].connection, CONFIG_CHANNEL_PTY);
	ck_assert_ptr_null(c.channel[1].path);
	ck_assert_str_eq(c.channel[2].path, "/etc/b.sock");
	ck_assert_uint_eq(notes.n, 1);
	ck_assert_ptr_nonnull(strstr(notes.note[0].text, "driver"));
	j = config_to_json(&c);
	config_free(&c);
	ck_assert_int_eq(config_from_json(&c, j, &e), 0);
	json_decref(j);
	ck_assert_uint_eq(c.nchannels, 3);
	ck_assert_str_eq(c.channel[2].name, "y");
	ck_assert_str_eq(c.channel[2].path, "/etc/b.sock");
}
END_TEST

static void no_channel(const char *spec, const char *says)
{
	char text[1024];

	config_free(&c);
	snprintf(text, sizeof(text), MINIMAL "channel=['%s']\n", spec);
	ck_assert_msg(parse(text), "taken: %s", spec);
	ck_assert_int_eq(e.exit, REFHV_CONFIG);
	ck_assert_msg(strstr(e.what, says), "%s", e.what);
	ck_assert_uint_eq(e.line, 4);
}

START_TEST(channels_that_lead_nowhere_are_refused)
{
	char spec[300];

	no_channel("connection=pty", "needs a name=");
	no_channel("name=a", "needs a connection=");
	no_channel("name=a,connection=socket", "needs a path=");
	no_channel("name=a,connection=tcp", "unknown connection \"tcp\"");
	no_channel("name=a,connection=pty,backend=3", "only this machine");
	no_channel("name=a,pty", "no value for \"pty\"");
	no_channel("", "needs a connection=");
	snprintf(spec, sizeof(spec), "name=%064d,connection=pty", 0);
	no_channel(spec, "more than 63 bytes");
	snprintf(spec, sizeof(spec), "name=a,connection=socket,path=/%0107d", 0);
	no_channel(spec, "too long for a socket");
	config_free(&c);
	ck_assert(parse(MINIMAL
			"consoles=6\nchannel=['name=a,connection=pty','name=b,connection=pty',"
			"'name=c,connection=pty']\n"));
	ck_assert_ptr_nonnull(strstr(e.what, "consoles is out of range"));
}
END_TEST

START_TEST(xens_own_pvhlinux_example_is_read)
{
	good("# This is a fairly minimal example\n"
	     "name = \"example.pvlinux\"\ntype = \"pvh\"\n"
	     "kernel = \"/boot/vmlinuz\"\nextra = \"root=/dev/xvda1\"\n"
	     "memory = 512\n#maxmem = 512\nvcpus = 2\n"
	     "vif = [ '' ]\ndisk = [ '/dev/vg/guest-volume,raw,xvda,rw' ]\n");
	ck_assert_int_eq(c.type, CONFIG_TYPE_PVH);
	ck_assert_str_eq(c.cmdline, "root=/dev/xvda1");
	ck_assert_uint_eq(c.ndisks, 1);
	ck_assert_str_eq(c.disk[0].target, "/dev/vg/guest-volume");
	ck_assert_uint_eq(c.disk[0].vbd, 51712);
	ck_assert_uint_eq(c.nvifs, 1);
	ck_assert_int_eq(c.vif[0].net, CONFIG_NET_USER);
}
END_TEST

START_TEST(separators_comments_quotes_and_escapes_are_xls)
{
	good("name='a';kernel=\"/k\" # why\n;;memory=0x10 ; vcpus = \"2\"\r\n"
	     "extra = 'a\\'b' # c\n root=\"/dev/x\\x79z\"\n");
	ck_assert_uint_eq(c.memory_kib, 16 << 10);
	ck_assert_uint_eq(c.vcpus, 2);
	ck_assert_str_eq(c.cmdline, "root=/dev/xyz a'b");
}
END_TEST

START_TEST(appending_joins_strings_and_lists)
{
	good(MINIMAL "cmdline='a'\ncmdline += ' b'\ndisk=['/a,raw,xvda,r',\n]\n"
		     "disk += [ # comment\n '/b,raw,xvdb,w' ]\ndisk+='/c,raw,xvdc,w'\n");
	ck_assert_str_eq(c.cmdline, "a b");
	ck_assert_uint_eq(c.ndisks, 3);
	ck_assert_str_eq(c.disk[2].target, "/c");
}
END_TEST

START_TEST(relative_kernel_is_beside_the_configuration)
{
	good("name='a'\nkernel='k.elf'\nramdisk='sub/r'\nmemory=8");
	ck_assert_str_eq(c.kernel, "/etc/k.elf");
	ck_assert_str_eq(c.ramdisk, "/etc/sub/r");
	ck_assert_str_eq(c.base_dir, "/etc");
}
END_TEST

START_TEST(later_setting_replaces_earlier_and_says_so)
{
	good(MINIMAL "memory=16\n");
	ck_assert_uint_eq(c.memory_kib, 16 << 10);
	ck_assert_uint_eq(notes.n, 1);
	ck_assert_uint_eq(notes.note[0].line, 4);
	ck_assert_str_eq(notes.note[0].text, "memory replaces the one of line 3");
}
END_TEST

START_TEST(keys_without_effect_are_remarked_with_their_line)
{
	good(MINIMAL "vnc=1\ncpus='0-3'\nwibble=[1,[2]]\non_crash='coredump-restart'\npci=[]\n");
	ck_assert_uint_eq(notes.n, 4);
	ck_assert_ptr_nonnull(strstr(notes.note[0].text, "vnc is for HVM guests"));
	ck_assert_uint_eq(notes.note[0].line, 4);
	ck_assert_ptr_nonnull(strstr(notes.note[1].text, "no effect"));
	ck_assert_ptr_nonnull(strstr(notes.note[2].text, "unknown key wibble"));
	ck_assert_ptr_nonnull(strstr(notes.note[3].text, "core dump"));
	ck_assert_int_eq(c.on_crash, CONFIG_RESTART);
}
END_TEST

static const struct {
	const char *text;
	unsigned line;
	const char *what;
} bad[] = {
	{"kernel='/k'\nmemory=8", 0, "no name"},
	{"name='a'\nmemory=8", 0, "no kernel"},
	{"name='a'\nkernel='/k'", 0, "no memory"},
	{MINIMAL "x", 4, "no = after x"},
	{MINIMAL "x=", 4, "value is missing"},
	{MINIMAL "x=y", 4, "y is not quoted"},
	{MINIMAL "x='y", 4, "does not end"},
	{MINIMAL "\n\nx=\"y\nz\"", 6, "does not end"},
	{MINIMAL "x='\\q'", 4, "unknown escape"},
	{MINIMAL "x='\\x00'", 4, "NUL"},
	{MINIMAL "x=[1,2", 4, "list does not end"},
	{MINIMAL "x=[1 2]", 4, "expected , or ]"},
	{MINIMAL "x=[[[[[[[[[[1]]]]]]]]]]", 4, "too deeply"},
	{MINIMAL "x=1 2", 4, "follows a value"},
	{MINIMAL "x=12ab", 4, "not a number"},
	{MINIMAL "x=-1", 4, "negative"},
	{MINIMAL "=1", 4, "does not begin with the name"},
	{MINIMAL "1x=1", 4, "does not begin with the name"},
	{MINIMAL "import os", 4, "Python"},
	{MINIMAL "if x == 1:\n  y=2", 4, "Python"},
	{MINIMAL "def f():", 4, "Python"},
	{MINIMAL "x = 'a' % b", 4, "Python"},
	{MINIMAL "x = 'a' + 'b'", 4, "Python"},
	{MINIMAL "x = os.uname()", 4, "Python"},
	{MINIMAL "x = (1, 2)", 4, "Python"},
	{MINIMAL "x = True", 4, "Python"},
	{MINIMAL "print 'x'", 4, "Python"},
	{"name=''\n" MINIMAL "name='a/b'", 5, "cannot name"},
	{MINIMAL "name='17'", 4, "cannot name"},
	{MINIMAL "name='.x'", 4, "cannot name"},
	{MINIMAL "name=['a']", 4, "one value, not a list"},
	{MINIMAL "uuid='1234'", 4, "is not one"},
	{MINIMAL "memory=0", 4, "out of range"},
	{MINIMAL "memory='lots'", 4, "not a number"},
	{MINIMAL "memory=99999999999999999999", 4, "not a number"},
	{MINIMAL "maxmem=4", 0, "maxmem is less"},
	{MINIMAL "vcpus=0", 4, "out of range"},
	{MINIMAL "vcpus=129", 4, "out of range"},
	{MINIMAL "vcpus=2\nmaxvcpus=1", 0, "out of range"},
	{MINIMAL "type='hvm'", 4, "unknown value \"hvm\""},
	{MINIMAL "builder='hvm'", 4, "unknown value \"hvm\""},
	{MINIMAL "engine='bochs'", 4, "unknown value \"bochs\""},
	{MINIMAL "on_crash='explode'", 4, "unknown value \"explode\""},
	{MINIMAL "pci=['00:01.0']", 4, "PCI passthrough"},
	{MINIMAL "bootloader='pygrub'", 4, "no boot loader"},
	{MINIMAL "disk='/a,raw,xvda,w'", 4, "disk is a list"},
	{MINIMAL "disk=[\n'/a,raw,xvda,w',\n'/b,raw,xvda,w']", 6, "xvda is used twice"},
	{MINIMAL "disk=['/a,raw,xvda,w','/b,raw,51712,w']", 4, "used twice"},
	{MINIMAL "disk=[['/a']]", 4, "not a string"},
	{MINIMAL "disk=+['a']", 4, "value is missing"},
	{MINIMAL "x=1\nx+=[1]", 5, "a list cannot be added to x"},
	{MINIMAL "vif=['mac=00:16:3e:00:00:01','mac=00:16:3e:00:00:01']", 0, "same mac"},
};

START_TEST(bad_configuration_is_refused_with_line_and_reason)
{
	ck_assert_int_eq(parse(bad[_i].text), -REFHV_CONFIG);
	ck_assert_msg(strstr(e.what, bad[_i].what), "\"%s\" instead of \"%s\"", e.what,
		      bad[_i].what);
	ck_assert_msg(e.line == bad[_i].line, "line %u: %s", e.line, e.what);
	ck_assert_str_eq(e.file, "/etc/x.cfg");
}
END_TEST

START_TEST(every_prefix_and_every_changed_byte_is_survived)
{
	static const char text[] =
		MINIMAL "disk=['a,raw,xvda,r',\"target=b\"]\nvif=['rate=1MB/s']#\nx+=0x1";
	static const char bytes[] = "\0\n'\"[],;=#\\+ 9a\xff";
	char copy[sizeof(text)];

	for (size_t n = 0; n < sizeof(text); n++) {
		if (!config_parse(&c, "f", text, n, &notes, &e))
			config_free(&c);
		for (size_t b = 0; b < sizeof(bytes) - 1; b++) {
			memcpy(copy, text, sizeof(text));
			copy[n] = bytes[b];
			if (!config_parse(&c, "f", copy, sizeof(text) - 1, &notes, &e))
				config_free(&c);
		}
	}
}
END_TEST

static const struct {
	const char *spec, *target;
	uint32_t vbd;
	bool readonly;
} disks[] = {
	{"/a,raw,xvda,rw", "/a", 51712, false},
	{"/a,,xvdb2,ro", "/a", 51730, true},
	{"/a,raw,hda,w", "/a", 768, false},
	{"/a,raw,hdd1,w", "/a", 5697, false},
	{"/a,raw,sdb,w", "/a", 2064, false},
	{"/a,raw,xvdq,w", "/a", 0x10001000, false},
	{"/a,raw,d5p1,w", "/a", 51793, false},
	{"/a,raw,51712,w", "/a", 51712, false},
	{"/a,xvda,w", "/a", 51712, false},
	{"phy:/a,xvda,w", "/a", 51712, false},
	{"file:/a,xvda:disk,r", "/a", 51712, true},
	{"tap:aio:/a,xvda,r", "/a", 51712, true},
	{"vdev=xvda,access=ro,target=/a,b=c,d", "/a,b=c,d", 51712, true},
	{" /a , raw , xvda , ro ", "/a", 51712, true},
	{"/a,raw,xvda,rw,discard,backendtype=phy", "/a", 51712, false},
	{"/a,raw,xvdc,cdrom", "/a", 51744, true},
	{"/a,raw,xvdc,devtype=cdrom", "/a", 51744, true},
	{"/with=equals,raw,xvda,w", "/with=equals", 51712, false},
	{"lv0,raw,xvda,w", "lv0", 51712, false},
};

START_TEST(disk_specification_means_what_xl_says)
{
	struct config_disk d;

	ck_assert_msg(!config_disk_parse(&d, disks[_i].spec, "f", 1, NULL, &e), "%s", e.what);
	ck_assert_str_eq(d.target, disks[_i].target);
	ck_assert_msg(d.vbd == disks[_i].vbd, "%s: %u", disks[_i].spec, d.vbd);
	ck_assert(d.readonly == disks[_i].readonly);
	free(d.target);
}
END_TEST

static const struct {
	const char *spec, *what;
} bad_disks[] = {
	{"/a,raw,xvda,w,sector-size=1024", "unknown sector size"},
	{"", "no virtual device"},
	{"/a", "no virtual device"},
	{",raw,xvda,w", "no target"},
	{"/a,qcow2,xvda,w", "only raw"},
	{"qcow2:/a,xvda,w", "unsupported kind"},
	{"nbd:host,xvda,w", "unsupported kind"},
	{"/a,png,xvda,w", "unknown format"},
	{"/a,raw,xyz,w", "bad virtual device"},
	{"/a,raw,x,w", "bad virtual device"},
	{"/a,raw,xvd,w", "bad virtual device"},
	{"/a,raw,xvda0,w", "bad virtual device"},
	{"/a,raw,hde,w", "bad virtual device"},
	{"/a,raw,sda16,w", "bad virtual device"},
	{"/a,raw,xvdaaaaaaaaaaaaaaaaaaaaa,w", "bad virtual device"},
	{"/a,raw,99999999999,w", "bad virtual device"},
	{"/a,raw,xvda,x", "unknown access"},
	{"/a,raw,xvda,w,cdrom", "cannot be written"},
	{"/a,raw,xvda,w,extra", "more than four"},
	{"/a,raw,xvda,w,colour=red", "unknown key"},
	{"/a,raw,xvda,w,script=block-x", "not supported"},
	{"/a,raw,xvda:floppy,w", "unknown device type"},
	{"/a,raw,xvda,w,specification=virtio", "only specification=xen"},
};

START_TEST(bad_disk_specification_is_refused_with_its_reason)
{
	struct config_disk d;

	ck_assert_int_eq(config_disk_parse(&d, bad_disks[_i].spec, "f", 7, NULL, &e),
			 -REFHV_CONFIG);
	ck_assert_msg(strstr(e.what, bad_disks[_i].what), "%s: %s", bad_disks[_i].spec, e.what);
	ck_assert_uint_eq(e.line, 7);
}
END_TEST

START_TEST(forwards_are_read_and_default_to_the_loopback)
{
	struct config_vif v;

	ck_assert(!config_vif_parse(
		&v, "hostfwd=tcp::8080-:80,mac=00:16:3E:1:2:3, hostfwd=udp:0.0.0.0:0-10.0.2.15:53",
		"f", 1, NULL, &e));
	ck_assert_uint_eq(v.nforwards, 2);
	ck_assert_str_eq(v.forward[0].addr, "127.0.0.1");
	ck_assert_uint_eq(v.forward[0].port, 8080);
	ck_assert_uint_eq(v.forward[0].guest_port, 80);
	ck_assert(v.forward[1].udp);
	ck_assert_str_eq(v.forward[1].guest, "10.0.2.15");
	ck_assert_uint_eq(v.mac[5], 3);
	free(v.forward);
}
END_TEST

static const struct {
	const char *spec, *what;
} bad_vifs[] = {
	{"mac", "no value"},
	{"mac=1:2:3", "bad mac"},
	{"mac=01:16:3e:0:0:0", "multicast"},
	{"mac=00:16:3e:00:00:00:00", "bad mac"},
	{"bridge=", "bad bridge"},
	{"tap=a/b", "bad tap"},
	{"tap=averyveryverylongname", "bad tap"},
	{"net=slip", "unknown kind"},
	{"hostfwd=80", "begins with tcp"},
	{"hostfwd=tcp:80-80", "bad forward"},
	{"hostfwd=tcp::80", "bad forward"},
	{"hostfwd=tcp::80-:0", "bad forward"},
	{"hostfwd=tcp::66000-:80", "bad forward"},
	{"hostfwd=tcp:localhost:80-:80", "bad forward"},
	{"hostfwd=tcp::80-:80,tap=t", "needs net=user"},
	{"rate=10", "unknown unit"},
	{"rate=10ZB/s", "unknown unit"},
	{"rate=10MB", "per second"},
	{"rate=10MB/m", "per second"},
	{"rate=fast", "bad rate"},
	{"rate=1MB/s@5", "unknown unit of time"},
	{"rate=1MB/s@0ms", "bad interval"},
	{"model=e1000", "emulated"},
	{"type=ioemu", "emulated"},
	{"mtu=10", "bad mtu"},
	{"backend=net", "driver domains"},
	{"wibble=1", "unknown key"},
};

START_TEST(bad_vif_specification_is_refused_with_its_reason)
{
	struct config_vif v;

	ck_assert_int_eq(config_vif_parse(&v, bad_vifs[_i].spec, "f", 9, NULL, &e), -REFHV_CONFIG);
	ck_assert_msg(strstr(e.what, bad_vifs[_i].what), "%s: %s", bad_vifs[_i].spec, e.what);
	ck_assert_uint_eq(e.line, 9);
}
END_TEST

START_TEST(rate_is_a_credit_of_bytes_for_an_interval)
{
	static const struct {
		const char *spec;
		uint64_t bytes;
		uint32_t us;
	} good[] = {{"rate=10MB/s", 500000, 50000},
		    {"rate=1Mb/s@20ms", 2500, 20000},
		    {"rate=1GB/s@1s", 1000000000, 1000000}};
	struct config_vif v;

	ck_assert_int_eq(config_vif_parse(&v, good[_i].spec, "f", 9, NULL, &e), 0);
	ck_assert_uint_eq(v.rate_bytes, good[_i].bytes);
	ck_assert_uint_eq(v.rate_interval_us, good[_i].us);
	free(v.forward);
}
END_TEST

START_TEST(mac_stays_the_same_for_the_same_uuid)
{
	uint8_t uuid[16] = {1, 2, 3}, a[6], b[6];

	config_mac_derive(uuid, 0, a);
	config_mac_derive(uuid, 0, b);
	ck_assert_mem_eq(a, b, 6);
	ck_assert_mem_eq(a, "\x00\x16\x3e", 3);
	config_mac_derive(uuid, 1, b);
	ck_assert_mem_ne(a, b, 6);
}
END_TEST

START_TEST(json_brings_back_the_same_description)
{
	struct refhv_config back;
	json_t *one, *two;

	good(MINIMAL "uuid='6d5c4e30-9a1f-4f0e-8f8b-0a1b2c3d4e5f'\nvcpus=2\nmaxvcpus=4\nmaxmem=64\n"
		     "disk=['/"
		     "a,raw,xvda,ro','x,raw,xvdb,w,no-discard,persistent,sector-size=4096']\non_"
		     "reboot='preserve'\n"
		     "vif=['hostfwd=tcp::1-:2,mtu=9000','tap=t0,untrusted','bridge=br0,ip=10.0.0.1,"
		     "rate=1MB/s']\n");
	one = config_to_json(&c);
	ck_assert_msg(!config_from_json(&back, one, &e), "%s", e.what);
	two = config_to_json(&back);
	ck_assert(json_equal(one, two));
	ck_assert_uint_eq(back.vif[2].rate_bytes, 50000);
	json_decref(one);
	json_decref(two);
	config_free(&back);
}
END_TEST

START_TEST(json_from_nowhere_is_checked)
{
	static const char *const lies[][2] = {
		{"name", "\"a/b\""},
		{"name", "\"a\\u0000b\""},
		{"name", "7"},
		{"uuid", "\"x\""},
		{"memory_kib", "-1"},
		{"memory_kib", "0"},
		{"memory_kib", "1e9"},
		{"vcpus", "0"},
		{"vcpus", "4000000000"},
		{"maxvcpus", "0"},
		{"type", "\"hvm\""},
		{"on_crash", "\"\""},
		{"cmdline", "null"},
		{"disks", "[1]"},
		{"disks", "[{}]"},
		{"disks", "[{\"target\":\"/a\",\"vdev\":\"nonsense\"}]"},
		{"vifs", "[{}]"},
		{"vifs", "[{\"mac\":\"00:00:00:00:00:01\",\"net\":\"x\",\"mtu\":1}]"},
		{"engine", "[]"},
		{"maxmem_kib", "1"},
	};
	struct refhv_config back;
	json_t *o, *lie;

	good(MINIMAL);
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		o = config_to_json(&c);
		lie = json_loads(lies[i][1], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		ck_assert_ptr_nonnull(lie);
		json_object_set_new(o, lies[i][0], lie);
		ck_assert_msg(config_from_json(&back, o, &e) == -REFHV_CONFIG, "%s = %s is taken",
			      lies[i][0], lies[i][1]);
		json_decref(o);
	}
	ck_assert_int_eq(config_from_json(&back, NULL, &e), -REFHV_CONFIG);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	TCase *t = tcase_create("config");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, minimal_configuration_has_the_documented_defaults);
	tcase_add_test(t, command_line_is_as_long_as_its_kind_of_kernel_takes);
	tcase_add_test(t, channels_are_read_as_xl_has_them);
	tcase_add_test(t, channels_that_lead_nowhere_are_refused);
	tcase_add_test(t, xens_own_pvhlinux_example_is_read);
	tcase_add_test(t, separators_comments_quotes_and_escapes_are_xls);
	tcase_add_test(t, appending_joins_strings_and_lists);
	tcase_add_test(t, relative_kernel_is_beside_the_configuration);
	tcase_add_test(t, later_setting_replaces_earlier_and_says_so);
	tcase_add_test(t, keys_without_effect_are_remarked_with_their_line);
	tcase_add_loop_test(t, bad_configuration_is_refused_with_line_and_reason, 0, COUNT(bad));
	tcase_add_test(t, every_prefix_and_every_changed_byte_is_survived);
	tcase_add_loop_test(t, disk_specification_means_what_xl_says, 0, COUNT(disks));
	tcase_add_loop_test(t, bad_disk_specification_is_refused_with_its_reason, 0,
			    COUNT(bad_disks));
	tcase_add_test(t, forwards_are_read_and_default_to_the_loopback);
	tcase_add_loop_test(t, bad_vif_specification_is_refused_with_its_reason, 0,
			    COUNT(bad_vifs));
	tcase_add_loop_test(t, rate_is_a_credit_of_bytes_for_an_interval, 0, 3);
	tcase_add_test(t, mac_stays_the_same_for_the_same_uuid);
	tcase_add_test(t, json_brings_back_the_same_description);
	tcase_add_test(t, json_from_nowhere_is_checked);
	return run_case("config", t);
}
