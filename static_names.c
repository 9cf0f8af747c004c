/* Linked into the statically linked program alone, see build.rs.
 *
 * To look up a name, glibc loads the libraries that /etc/nsswitch.conf lists (mdns4_minimal, resolve, myhostname). Such
 * a library brings the machine's own glibc along, and when that is another version than the one linked in here, the
 * program aborts. What is built in, /etc/hosts and the name servers of /etc/resolv.conf, is enough for a server. */
#include <nss.h>

__attribute__((constructor)) static void look_up_without_libraries(void)
{
    __nss_configure_lookup("hosts", "files dns");
    __nss_configure_lookup("passwd", "files");
}
