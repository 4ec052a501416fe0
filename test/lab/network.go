//go:build linux

package lab

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The ranges that Kubernetes gives addresses from.
var (
	podRange     = netip.MustParsePrefix("10.244.0.0/16")
	serviceRange = netip.MustParsePrefix("10.96.0.0/16")
)

// setUpNetwork brings up the loopback device of a new network namespace and makes every address of the pods' and
// Services' ranges one of this machine (AnyIP). It speaks to the kernel itself, as `ip` may not be installed.
func setUpNetwork() error {
	loopback, err := raiseLoopback()
	if err != nil {
		return fmt.Errorf("set up the loopback device: %w", err)
	}
	for _, prefix := range []netip.Prefix{podRange, serviceRange} {
		if err := routeLocal(prefix, loopback); err != nil {
			return fmt.Errorf("route %s to the loopback device: %w", prefix, err)
		}
	}
	return nil
}

// raiseLoopback sets the device lo up and returns its index.
func raiseLoopback() (uint32, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(socket) }()
	device, err := unix.NewIfreq("lo")
	if err != nil {
		return 0, err
	}
	device.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, device); err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFINDEX, device); err != nil {
		return 0, err
	}
	return device.Uint32(), nil
}

// routeLocal does what `ip route add local <prefix> dev <device>` does, by one rtnetlink(7) message.
func routeLocal(prefix netip.Prefix, device uint32) error {
	socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(socket) }()
	if err := unix.Sendto(socket, routeMessage(prefix, device), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, unix.Getpagesize())
	n, _, err := unix.Recvfrom(socket, answer, 0)
	if err != nil {
		return err
	}
	if n < unix.NLMSG_HDRLEN+4 {
		return fmt.Errorf("the kernel's answer has %d bytes only", n)
	}
	// The acknowledgement is an error message whose number is zero, or the negative error.
	if number := int32(binary.NativeEndian.Uint32(answer[unix.NLMSG_HDRLEN:])); number != 0 {
		return unix.Errno(-number)
	}
	return nil
}

// routeMessage encodes the request to add a local route of prefix over device.
func routeMessage(prefix netip.Prefix, device uint32) []byte {
	address := prefix.Masked().Addr().As4()
	order := binary.NativeEndian
	body := []byte{
		unix.AF_INET, byte(prefix.Bits()), 0, 0,
		unix.RT_TABLE_LOCAL, unix.RTPROT_BOOT, unix.RT_SCOPE_HOST, unix.RTN_LOCAL,
		0, 0, 0, 0, // flags
	}
	for _, attribute := range []struct {
		kind  uint16
		value []byte
	}{
		{kind: unix.RTA_DST, value: address[:]},
		{kind: unix.RTA_OIF, value: order.AppendUint32(nil, device)},
	} {
		body = order.AppendUint16(body, uint16(unix.SizeofRtAttr+len(attribute.value)))
		body = order.AppendUint16(body, attribute.kind)
		body = append(body, attribute.value...)
	}
	message := order.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	message = order.AppendUint16(message, unix.RTM_NEWROUTE)
	message = order.AppendUint16(message, unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	message = order.AppendUint32(message, 1) // sequence number
	message = order.AppendUint32(message, 0) // to the kernel
	return append(message, body...)
}
