from pysnmp.hlapi import CommunityData, UsmUserData

CommunityData("public", mpModel=0)
CommunityData("public", mpModel=1)
UsmUserData("user")
UsmUserData("user", "authkey1")
UsmUserData("user", "authkey1", "privkey1")
